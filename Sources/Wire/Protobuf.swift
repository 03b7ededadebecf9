// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

// The little of protobuf's wire format that the encoders and the splitter need.

/// The most a request may have uncompressed, unless its reader says otherwise; Prometheus's own bound.
public let defaultRequestLimit = 32 << 20

/// How many bytes `value` takes as a varint.
func varintSize(_ value: UInt64) -> Int { value < 0x80 ? 1 : (70 - value.leadingZeroBitCount) / 7 }

/// How many bytes a length-delimited field with a one-byte tag takes.
func fieldSize(_ payload: Int) -> Int { 1 + varintSize(UInt64(payload)) + payload }

/// Appends a length-delimited field.
func appendField(_ tag: UInt8, _ payload: [UInt8], to bytes: inout [UInt8]) {
  bytes.append(addingCapacity: fieldSize(payload.count)) { $0.appendField(tag, payload.span) }
}

/// Where the length-prefixed piece at `start` ends; nil where there is none.
///
/// The case of a one-byte length is spelled out here, where it is inlined: it is nearly every piece of every sample.
@inline(__always)
private func pieceEnd(_ packed: Span<UInt8>, _ start: Int) -> Int? {
  guard start < packed.count else { return nil }
  let length = Int(packed[start])
  if length < 0x80 { return length < packed.count - start ? start + 1 + length : nil }
  var end = start
  return readLengthPrefixed(packed, at: &end) == nil ? nil : end
}

/// How many bytes packed labels take as repeated messages of name (field 1) and value (field 2).
func labelFieldsSize(_ packed: Span<UInt8>) -> Int {
  var size = 0
  var offset = 0
  while let middle = pieceEnd(packed, offset), let end = pieceEnd(packed, middle) {
    size += fieldSize(end - offset + 2)
    offset = end
  }
  return size
}

extension OutputSpan<UInt8> {
  /// Packed labels as repeated messages of name (field 1) and value (field 2).
  ///
  /// The two length-prefixed pieces of a packed label are the very bytes of those fields, so this is mostly copying.
  mutating func appendLabelFields(_ tag: UInt8, _ packed: Span<UInt8>) {
    var offset = 0
    while let middle = pieceEnd(packed, offset), let end = pieceEnd(packed, middle) {
      appendHeader(tag, length: end - offset + 2)
      append(0x0a)
      append(copying: packed.extracting(offset..<middle))
      append(0x12)
      append(copying: packed.extracting(middle..<end))
      offset = end
    }
  }

  /// The tag and length of a length-delimited field.
  @inline(__always)
  mutating func appendHeader(_ tag: UInt8, length: Int) {
    append(tag)
    appendVarint(UInt64(length))
  }

  /// A length-delimited field.
  mutating func appendField(_ tag: UInt8, _ bytes: Span<UInt8>) {
    appendHeader(tag, length: bytes.count)
    append(copying: bytes)
  }

  @inline(__always)
  mutating func appendFixed64(_ value: UInt64) {
    var rest = value
    for _ in 0..<8 {
      append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }
}

/// One field of a message, by its place in the bytes.
struct WireField {
  var number: UInt64
  /// Length-delimited: what `payload` holds is a message, string or bytes.
  var isDelimited: Bool
  /// Tag, length and payload.
  var whole: Range<Int>
  var payload: Range<Int>
}

/// The varint at `offset`, which moves past it; nil where there is none.
func readVarint(_ bytes: Span<UInt8>, at offset: inout Int) -> UInt64? {
  var value: UInt64 = 0
  var shift: UInt64 = 0
  var index = offset
  while index < bytes.count, shift < 70 {
    let byte = bytes[index]
    index += 1
    value |= UInt64(byte & 0x7f) << shift
    if byte < 0x80 {
      offset = index
      return value
    }
    shift += 7
  }
  return nil
}

/// The field at `offset`, which moves past it; nil at the end, and (`offset` not at the end) where there is no field.
func readField(_ bytes: Span<UInt8>, at offset: inout Int) -> WireField? {
  var index = offset
  guard let tag = readVarint(bytes, at: &index) else { return nil }
  var payload = index..<index
  switch tag & 7 {
  case 0:
    guard readVarint(bytes, at: &index) != nil else { return nil }
    payload = payload.lowerBound..<index
  case 1: payload = index..<(index + 8)
  case 2:
    guard let length = readVarint(bytes, at: &index), length <= UInt64(bytes.count - index) else { return nil }
    payload = index..<(index + Int(length))
  case 5: payload = index..<(index + 4)
  default: return nil
  }
  guard payload.upperBound <= bytes.count else { return nil }
  let whole = offset..<payload.upperBound
  offset = payload.upperBound
  return WireField(number: tag >> 3, isDelimited: tag & 7 == 2, whole: whole, payload: payload)
}

/// The bytes of `range`, as an array of their own.
func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
  var result: [UInt8] = []
  let part = bytes.extracting(range)
  result.append(addingCapacity: part.count) { $0.append(copying: part) }
  return result
}
