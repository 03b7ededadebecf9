// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension FileDescriptor {
  /// Writes at `offset` what the kernel takes of `bytes` in one go, and says how much that was.
  public func write(_ bytes: Span<UInt8>, at offset: Int64) throws(SystemError) -> Int {
    let count = retryingInterrupts {
      unsafe bytes.withUnsafeBytes { unsafe pwrite(number, $0.baseAddress, $0.count, off_t(offset)) }
    }
    guard count >= 0 else { throw SystemError("write", path) }
    return count
  }

  /// Makes the file's bytes and length durable.
  ///
  /// Never retry after a failure: the kernel has then forgotten that the pages were dirty and the next call succeeds
  /// without having written them.
  public func syncData() throws(SystemError) {
    guard retryingInterrupts({ Int(fdatasync(number)) }) == 0 else { throw SystemError("fdatasync", path) }
  }

  /// How many bytes the file has.
  public func size() throws(SystemError) -> Int64 {
    var status = stat()
    guard unsafe fstat(number, &status) == 0 else { throw SystemError("fstat", path) }
    return Int64(status.st_size)
  }

  /// Cuts the file to `size` bytes.
  public func truncate(to size: Int64) throws(SystemError) {
    guard retryingInterrupts({ Int(ftruncate(number, off_t(size))) }) == 0 else { throw SystemError("ftruncate", path) }
  }

  /// Takes the file's exclusive lock, or fails with `EWOULDBLOCK` while another open file has it.
  public func lockExclusively() throws(SystemError) {
    guard retryingInterrupts({ Int(flock(number, LOCK_EX | LOCK_NB)) }) == 0 else { throw SystemError("flock", path) }
  }
}

/// Renames `path` to `newPath`, replacing what is there.
public func renameFile(_ path: String, to newPath: String) throws(SystemError) {
  guard unsafe rename(path, newPath) == 0 else { throw SystemError("rename", path) }
}

/// How many bytes the file at `path` has; nil when there is none.
public func fileSize(_ path: String) throws(SystemError) -> Int64? {
  var status = stat()
  if unsafe stat(path, &status) == 0 { return Int64(status.st_size) }
  guard errno == ENOENT else { throw SystemError("stat", path) }
  return nil
}

/// How many bytes a process without privileges may still write to the file system of `path`.
public func freeBytes(at path: String) throws(SystemError) -> Int64 {
  var status = statvfs()
  guard unsafe statvfs(path, &status) == 0 else { throw SystemError("statvfs", path) }
  return Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
}
