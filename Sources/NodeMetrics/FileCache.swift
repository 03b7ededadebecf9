// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux

/// Descriptors of files below one folder, kept open between scrapes: reading again costs a third of opening again.
struct FileCache {
  private let root: String
  private var files: [String: OpenFile] = [:]

  /// More than this many are opened for each read, so that a host with hundreds of CPUs does not use up the
  /// descriptors of the whole agent.
  private static let most = 256

  private final class OpenFile {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  init(root: String) { self.root = root == "/" ? "" : root }

  func path(_ name: String) -> String { "\(root)/\(name)" }

  /// Runs `read` on the file `name`, opened again when the one we hold is of something that is gone.
  mutating func read(
    _ name: String, _ read: (borrowing FileDescriptor) throws(SystemError) -> Int
  ) throws(SystemError) -> Int {
    if let file = files[name] {
      do { return try read(file.descriptor) } catch {
        guard [ENODEV, ENOENT, ESTALE, ESRCH, ENXIO].contains(error.errno) else { throw error }
        files[name] = nil
      }
    }
    let file = OpenFile(try FileDescriptor(opening: path(name)))
    let count = try read(file.descriptor)
    if files.count < Self.most { files[name] = file }
    return count
  }

  mutating func forget(_ name: String) { files[name] = nil }
}
