// SPDX-License-Identifier: Apache-2.0

internal import CZlib
internal import Linux

/// An archive that cannot be read.
struct ArchiveError: Error, CustomStringConvertible {
  var reason: String
  var description: String { reason }
}

/// The content of a gzip file (RFC 1952, all its members), a window of it at a time.
@safe final class GzipStream {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private static let inputBytes = 32 << 10
  private let input: UnsafeMutableBufferPointer<UInt8>
  private var fileOffset: Int64 = 0
  private var window: [UInt8] = []
  private var windowStart: Int64 = 0
  private var isInsideMember = false
  private(set) var isAtEnd = false

  init() throws(ArchiveError) {
    unsafe stream.initialize(to: z_stream())
    unsafe input = .allocate(capacity: Self.inputBytes)
    let windowBits: Int32 = 15 + 16  // The largest window, and a gzip header.
    guard unsafe inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw ArchiveError(reason: "no memory to inflate")
    }
  }

  deinit {
    unsafe _ = inflateEnd(stream)
    unsafe stream.deallocate()
    unsafe input.deallocate()
  }

  /// Whether the content from `offset` on can be read: what was read before is let go.
  func has(_ offset: Int64) -> Bool { offset >= windowStart }

  /// Up to `buffer.count` bytes of the content from `offset` on, which it still has; their number.
  func read(_ file: borrowing FileDescriptor, into buffer: inout [UInt8], at offset: Int64) throws -> Int {
    guard offset >= windowStart else { throw ArchiveError(reason: "asked for bytes that were let go") }
    while !isAtEnd, windowStart + Int64(window.count) < offset + Int64(buffer.count) {
      let passed = min(offset - windowStart, Int64(window.count))
      if passed > 0 {
        window.removeFirst(Int(passed))
        windowStart += passed
      }
      try inflateMore(file)
    }
    let skipped = Int(offset - windowStart)
    guard skipped < window.count else { return 0 }
    let count = min(buffer.count, window.count - skipped)
    buffer.replaceSubrange(0..<count, with: window[skipped..<skipped + count])
    return count
  }

  private func inflateMore(_ file: borrowing FileDescriptor) throws {
    if unsafe stream.pointee.avail_in == 0 {
      var bytes = [UInt8](repeating: 0, count: Self.inputBytes)
      let count = try file.read(into: &bytes, at: fileOffset)
      fileOffset += Int64(count)
      guard count > 0 else {
        if isInsideMember { throw ArchiveError(reason: "the archive ends too early") }
        isAtEnd = true
        return
      }
      unsafe _ = input.update(fromContentsOf: bytes[..<count])
      unsafe stream.pointee.next_in = input.baseAddress
      unsafe stream.pointee.avail_in = UInt32(count)
    }
    isInsideMember = true
    var output = [UInt8](repeating: 0, count: 64 << 10)
    let (status, count) = unsafe output.withUnsafeMutableBufferPointer { output in
      unsafe stream.pointee.next_out = output.baseAddress
      unsafe stream.pointee.avail_out = UInt32(output.count)
      let status = unsafe inflate(stream, Z_NO_FLUSH)
      return unsafe (status, output.count - Int(stream.pointee.avail_out))
    }
    window.append(contentsOf: output[..<count])
    switch status {
    case Z_OK, Z_BUF_ERROR: return
    case Z_STREAM_END:
      isInsideMember = false
      unsafe inflateReset(stream)
    default: throw ArchiveError(reason: "the archive is damaged")
    }
  }
}
