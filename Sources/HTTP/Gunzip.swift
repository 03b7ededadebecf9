// SPDX-License-Identifier: Apache-2.0

internal import CZlib

/// Compressed bytes that are not what they should be.
public struct GunzipError: Error, Equatable, Sendable {
  /// What is wrong with them.
  public var reason: String
}

/// Inflates gzip data (RFC 1952), all its members, to at most `limit` bytes.
///
/// `truncated` says that there was more: a few kilobytes can inflate to gigabytes, so the limit is kept while inflating.
///
/// - Parameter allowingPartial: whether data that ends too early is truncated rather than wrong.
public func gunzip(
  _ bytes: [UInt8], limit: Int, allowingPartial: Bool = false
) throws(GunzipError) -> (bytes: [UInt8], truncated: Bool) {
  var stream = unsafe z_stream()
  let windowBits: Int32 = 15 + 16  // The largest window, and a gzip header.
  guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw GunzipError(reason: "no memory to inflate")
  }
  defer { unsafe _ = inflateEnd(&stream) }
  var input = bytes
  var output: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 32 << 10)
  let result: Result<Bool, GunzipError> = unsafe input.withUnsafeMutableBufferPointer { input in
    unsafe stream.next_in = input.baseAddress
    unsafe stream.avail_in = UInt32(clamping: input.count)
    while true {
      let (status, count) = unsafe chunk.withUnsafeMutableBufferPointer { chunk in
        unsafe stream.next_out = chunk.baseAddress
        unsafe stream.avail_out = UInt32(chunk.count)
        let status = unsafe inflate(&stream, Z_NO_FLUSH)
        return unsafe (status, chunk.count - Int(stream.avail_out))
      }
      // One byte past the limit tells "just fits" from "more".
      output.append(contentsOf: chunk[..<min(count, limit + 1 - output.count)])
      if output.count > limit {
        output.removeLast()
        return .success(true)
      }
      switch status {
      case Z_OK: continue
      case Z_STREAM_END where unsafe stream.avail_in == 0: return .success(false)
      case Z_STREAM_END: unsafe inflateReset(&stream)
      case Z_BUF_ERROR where allowingPartial: return .success(true)
      case Z_BUF_ERROR: return .failure(GunzipError(reason: "gzip data ends too early"))
      default: return .failure(GunzipError(reason: "gzip data is damaged"))
      }
    }
  }
  return (output, try result.get())
}
