// SPDX-License-Identifier: Apache-2.0

public import Glibc

/// An open file, closed exactly once: when this value's life ends.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number the kernel knows it by.
  public private(set) var number: Int32
  /// The path it was opened with, for messages.
  public let path: String

  /// Takes ownership of an already open descriptor.
  public init(owning number: Int32, path: String = "") {
    self.number = number
    self.path = path
  }

  /// Opens `path` with `flags` (`O_CLOEXEC` is added) and, where it creates, permission bits `mode`.
  public init(opening path: String, flags: Int32 = O_RDONLY, mode: mode_t = 0o640) throws(SystemError) {
    let number = retryingInterrupts { Int(unsafe open(path, flags | O_CLOEXEC, mode)) }
    guard number >= 0 else { throw SystemError("open", path) }
    self.number = Int32(number)
    self.path = path
  }

  deinit {
    if number >= 0 { close(number) }
  }

  /// Reads up to `buffer.count` bytes at `offset` without moving the file's own position; 0 at the end.
  public func read(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int {
    let count = retryingInterrupts {
      unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, off_t(offset)) }
    }
    guard count >= 0 else { throw SystemError("read", path) }
    return count
  }

  /// Reads up to `buffer.count` bytes from where the file stands; 0 at the end.
  public func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    let count = retryingInterrupts {
      unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
    }
    guard count >= 0 else { throw SystemError("read", path) }
    return count
  }

  /// Writes all of `bytes` where the file stands.
  public func write(_ bytes: Span<UInt8>) throws(SystemError) {
    var written = 0
    while written < bytes.count {
      let rest = bytes.extracting(written..<bytes.count)
      let count = retryingInterrupts {
        unsafe rest.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
      }
      guard count >= 0 else { throw SystemError("write", path) }
      written += count
    }
  }

  /// Makes what was written durable, metadata included.
  public func sync() throws(SystemError) {
    guard retryingInterrupts({ Int(fsync(number)) }) == 0 else { throw SystemError("fsync", path) }
  }

  /// Gives the descriptor up without closing it.
  public consuming func release() -> Int32 {
    let number = self.number
    self.number = -1
    return number
  }
}
