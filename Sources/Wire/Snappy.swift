// SPDX-License-Identifier: Apache-2.0

internal import CSnappy

/// Snappy's block format: a varint of the uncompressed length, then literals and copies. Not the framed one.
public enum Snappy {
  /// The most `count` bytes can take compressed.
  public static func maxCompressedLength(_ count: Int) -> Int { snappy_max_compressed_length(count) }

  /// Replaces the contents of `output` with `bytes`, compressed.
  public static func compress(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
    let capacity = maxCompressedLength(bytes.count)
    output.removeAll(keepingCapacity: true)
    output.append(addingCapacity: capacity) { output in
      unsafe output.withUnsafeMutableBufferPointer { target, count in
        unsafe bytes.withUnsafeBufferPointer { source in
          var written = capacity
          let status = unsafe snappy_compress(
            UnsafeRawPointer(source.baseAddress)?.assumingMemoryBound(to: CChar.self), source.count,
            UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &written)
          precondition(status == SNAPPY_OK, "BUG: snappy was given less room than it asked for")
          count = written
        }
      }
    }
  }

  /// What a block says it has uncompressed; nil when it does not even begin like one. Only a claim until uncompressed.
  public static func uncompressedLength(_ block: Span<UInt8>) -> Int? {
    var offset = 0
    guard let length = readVarint(block, at: &offset), offset <= 5, length <= UInt64(UInt32.max) else { return nil }
    return Int(length)
  }

  /// Replaces the contents of `output` with what `block` holds.
  ///
  /// The size is looked at before anything is allocated: it must be within `limit`, and within what so short a block
  /// could hold at all.
  public static func uncompress(
    _ block: Span<UInt8>, limit: Int, into output: inout [UInt8]
  ) throws(WireError) {
    output.removeAll(keepingCapacity: true)
    guard let length = uncompressedLength(block) else {
      throw .malformed(what: "snappy block", reason: "it does not begin with a length")
    }
    guard length <= limit else { throw .tooLarge(what: "snappy block", bytes: length, limit: limit) }
    // The densest element is a copy of 64 bytes in 3.
    guard length <= block.count * 64 / 3 else {
      throw .malformed(what: "snappy block", reason: "\(block.count) bytes cannot hold \(length)")
    }
    var valid = true
    output.append(addingCapacity: length) { output in
      valid = unsafe output.withUnsafeMutableBufferPointer { target, count in
        unsafe block.withUnsafeBufferPointer { source in
          var written = length
          let status = unsafe snappy_uncompress(
            UnsafeRawPointer(source.baseAddress)?.assumingMemoryBound(to: CChar.self), source.count,
            UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &written)
          guard status == SNAPPY_OK, written == length else { return false }
          count = written
          return true
        }
      }
    }
    guard valid else { throw .malformed(what: "snappy block", reason: "its contents are damaged") }
  }
}
