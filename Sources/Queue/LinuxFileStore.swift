// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Linux

/// The real disk.
public struct LinuxFileStore: FileStore {
  /// The real disk.
  public init() {}

  /// Opens a file that exists, for reading.
  public func open(_ path: String) throws(SystemError) -> any StoredFile {
    try LinuxFile(FileDescriptor(opening: path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
  }

  /// Opens a file for reading and writing; makes it when there is none.
  public func openForWriting(_ path: String) throws(SystemError) -> any StoredFile {
    try LinuxFile(FileDescriptor(opening: path, flags: O_RDWR | O_CREAT | O_NOFOLLOW))
  }

  /// Locks the directory at `path`.
  public func lock(_ path: String) throws(SystemError) -> any StoredFile {
    let file = try LinuxFile(FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY))
    try file.descriptor.lockExclusively()
    return file
  }

  /// Renames within a directory.
  public func rename(_ path: String, to newPath: String) throws(SystemError) { try renameFile(path, to: newPath) }

  /// Removes a file.
  public func remove(_ path: String) throws(SystemError) { try removeFile(path) }

  /// The names in a directory, sorted.
  public func list(_ path: String) throws(SystemError) -> [String] { try listDirectory(path) }

  /// Makes a directory and what is missing above it.
  public func makeDirectory(_ path: String) throws(SystemError) { try Linux.makeDirectory(path) }

  /// Makes the directory's entries durable.
  public func syncDirectory(_ path: String) throws(SystemError) { try Linux.syncDirectory(path) }

  /// The size of a file; nil when there is none.
  public func size(of path: String) throws(SystemError) -> Int64? { try fileSize(path) }

  /// Bytes free on the file system of `path`.
  public func freeBytes(at path: String) throws(SystemError) -> Int64 { try Linux.freeBytes(at: path) }
}

private final class LinuxFile: StoredFile {
  let descriptor: FileDescriptor

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  func read(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int {
    try descriptor.read(into: &buffer, at: offset)
  }

  func write(_ bytes: Span<UInt8>, at offset: Int64) throws(SystemError) -> Int {
    try descriptor.write(bytes, at: offset)
  }

  func sync() throws(SystemError) { try descriptor.syncData() }

  func truncate(to size: Int64) throws(SystemError) { try descriptor.truncate(to: size) }

  func size() throws(SystemError) -> Int64 { try descriptor.size() }
}
