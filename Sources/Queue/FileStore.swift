// SPDX-License-Identifier: Apache-2.0

public import Linux

/// The only door to the disk, so that a test can stand in it and lose power.
public protocol FileStore: Sendable {
  /// Opens a file that exists, for reading.
  func open(_ path: String) throws(SystemError) -> any StoredFile
  /// Opens a file for reading and writing; makes it when there is none.
  func openForWriting(_ path: String) throws(SystemError) -> any StoredFile
  /// Locks the directory at `path` for as long as the returned file is referenced; `EWOULDBLOCK` when another has it.
  /// The directory itself, so that a full or read-only disk does not stand in the way.
  func lock(_ path: String) throws(SystemError) -> any StoredFile
  /// Renames within a directory, replacing what is there.
  func rename(_ path: String, to newPath: String) throws(SystemError)
  /// Removes a file.
  func remove(_ path: String) throws(SystemError)
  /// The names in a directory, sorted.
  func list(_ path: String) throws(SystemError) -> [String]
  /// Makes a directory and what is missing above it.
  func makeDirectory(_ path: String) throws(SystemError)
  /// Makes the creation, renaming and removal of a directory's files durable.
  func syncDirectory(_ path: String) throws(SystemError)
  /// The size of a file; nil when there is none.
  func size(of path: String) throws(SystemError) -> Int64?
  /// Bytes free on the file system of `path`.
  func freeBytes(at path: String) throws(SystemError) -> Int64
}

/// An open file of a ``FileStore``, closed when the last reference goes.
public protocol StoredFile: AnyObject, Sendable {
  /// Reads up to `buffer.count` bytes at `offset`; fewer at the end only.
  func read(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int
  /// Writes at `offset` and says how many bytes were taken: at least one, perhaps not all.
  func write(_ bytes: Span<UInt8>, at offset: Int64) throws(SystemError) -> Int
  /// Makes what was written durable. After a failure it is unknown what is; never try again on the same data.
  func sync() throws(SystemError)
  /// Cuts the file to `size` bytes.
  func truncate(to size: Int64) throws(SystemError)
  /// How many bytes the file has.
  func size() throws(SystemError) -> Int64
}

extension StoredFile {
  /// Reads up to `buffer.count` bytes at `offset`; none where the medium gives none, for that is damage like bytes that
  /// are wrong. Any other failure passes, and is not taken for damage.
  func readSound(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int {
    do throws(SystemError) {
      return try read(into: &buffer, at: offset)
    } catch {
      guard error.errno == SystemError.inputOutput else { throw error }
      return 0
    }
  }
}
