// SPDX-License-Identifier: Apache-2.0

/// What is found in bytes that should be UTF-8.
enum UTF8Inspection {
  /// UTF-8 without NULs.
  case clean
  /// UTF-8 with NULs.
  case hasNUL
  /// Something else.
  case isInvalid
}

/// Looks through `bytes`, eight and more at a time as long as they are ASCII.
func inspectUTF8(_ bytes: Span<UInt8>) -> UTF8Inspection {
  var index = 0
  var hasNUL = false
  while index < bytes.count {
    let left = bytes.count - index
    if left >= 32, isPlain32(bytes, index) {
      index += 32
      continue
    }
    if left >= 8, isPlain8(bytes, index) {
      index += 8
      continue
    }
    if left < 8, bytes.count >= 8, isPlain8(bytes, bytes.count - 8) { break }
    let byte = bytes[index]
    if byte < 0x80 {
      if byte == 0 { hasNUL = true }
      index += 1
      continue
    }
    let length = characterLength(bytes, at: index)
    guard length > 0 else { return .isInvalid }
    index += length
  }
  return hasNUL ? .hasNUL : .clean
}

private let highBits: UInt64 = 0x8080_8080_8080_8080
private let ones: UInt64 = 0x0101_0101_0101_0101

/// Whether eight bytes are ASCII without NULs: below 0x80 only a NUL, and what follows one, has its high bit set once one
/// is taken away.
@inline(__always)
private func isPlain8(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
  let word = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: index, as: UInt64.self) }
  return (word | (word &- ones)) & highBits == 0
}

@inline(__always)
private func isPlain32(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
  let words = unsafe bytes.withUnsafeBytes {
    unsafe $0.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
  }
  let suspicious = words | (words &- SIMD4(repeating: ones))
  return (suspicious[0] | suspicious[1] | suspicious[2] | suspicious[3]) & highBits == 0
}

/// The bytes of the character beyond ASCII at `index`; 0 where there is none (Unicode 16, table 3-7).
private func characterLength(_ bytes: Span<UInt8>, at index: Int) -> Int {
  func isTail(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
    index + offset < bytes.count && range.contains(bytes[index + offset])
  }
  switch bytes[index] {
  case 0xc2...0xdf: return isTail(1) ? 2 : 0
  case 0xe0: return isTail(1, 0xa0...0xbf) && isTail(2) ? 3 : 0
  case 0xed: return isTail(1, 0x80...0x9f) && isTail(2) ? 3 : 0
  case 0xe1...0xef: return isTail(1) && isTail(2) ? 3 : 0
  case 0xf0: return isTail(1, 0x90...0xbf) && isTail(2) && isTail(3) ? 4 : 0
  case 0xf1...0xf3: return isTail(1) && isTail(2) && isTail(3) ? 4 : 0
  case 0xf4: return isTail(1, 0x80...0x8f) && isTail(2) && isTail(3) ? 4 : 0
  default: return 0
  }
}

func appendUTF8(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
  bytes.append(contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
}

/// `units` as UTF-8, and whether halves of characters had to be replaced.
func decodeUTF16(_ units: [UInt16]) -> (bytes: [UInt8], isRepaired: Bool) {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(units.count)
  let isRepaired = transcode(
    units.makeIterator(), from: UTF16.self, to: UTF8.self, stoppingOnError: false, into: { bytes.append($0) })
  return (bytes, isRepaired)
}
