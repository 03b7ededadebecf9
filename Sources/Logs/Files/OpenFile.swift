// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A file that is open for reading.
final class OpenFile {
  let descriptor: FileDescriptor
  /// When it was last used, in `monotonicNanoseconds`.
  var usedAt: Int64
  /// What reads it when it is an archive.
  var archive: GzipStream?

  /// Opens the file at `path`; nil when it is not the one that is meant.
  init?(_ path: String, key: FileKey, birth: UInt32) throws(SystemError) {
    // A pipe with this name must not make us wait for somebody to write to it.
    descriptor = try FileDescriptor(opening: path, flags: readWithoutWaiting)
    usedAt = monotonicNanoseconds()
    let status = try descriptor.status()
    guard status.kind == .regular, FileKey(status) == key else { return nil }
    let born = birthMark(status.bornNanoseconds)
    guard birth == 0 || born == 0 || birth == born else { return nil }
  }
}
