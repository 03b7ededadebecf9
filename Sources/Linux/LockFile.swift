// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A lock on a directory that lasts as long as this value, or the process.
public final class LockFile: Sendable {
  private let file: FileDescriptor

  /// Locks the file at `path`, made when it is not there; nil when another process has it locked.
  public static func take(_ path: String) throws(SystemError) -> LockFile? {
    let file = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT)
    if flock(file.number, LOCK_EX | LOCK_NB) == 0 { return LockFile(file: file) }
    guard errno == EWOULDBLOCK else { throw SystemError("flock", path) }
    return nil
  }

  private init(file: consuming FileDescriptor) { self.file = file }
}
