// SPDX-License-Identifier: Apache-2.0

internal import Glibc

// Reading text where it lies: lines and fields are ranges of the bytes, numbers are parsed in place. Nothing here
// allocates, and nothing traps on bytes from outside.

/// The line that begins at `offset`, without its newline; `offset` moves past it. Nil at the end.
public func nextLine(_ bytes: Span<UInt8>, at offset: inout Int) -> Range<Int>? {
  guard offset < bytes.count else { return nil }
  let start = offset
  let end = firstIndex(of: 0x0a, in: bytes, start..<bytes.count) ?? bytes.count
  offset = end + 1
  return start..<end
}

/// The next run of bytes that are neither space nor tab between `offset` and `end`; `offset` moves past it.
public func nextField(_ bytes: Span<UInt8>, at offset: inout Int, before end: Int) -> Range<Int>? {
  var start = offset
  while start < end, isBlank(bytes[start]) { start += 1 }
  guard start < end else {
    offset = end
    return nil
  }
  var stop = start + 1
  while stop < end, !isBlank(bytes[stop]) { stop += 1 }
  offset = stop
  return start..<stop
}

/// Where `byte` first stands in `range` of `bytes`.
public func firstIndex(of byte: UInt8, in bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
  unsafe bytes.extracting(range).withUnsafeBufferPointer { part in
    guard let start = part.baseAddress, let found = unsafe memchr(start, Int32(byte), part.count) else { return nil }
    return unsafe range.lowerBound + (UnsafeRawPointer(found) - UnsafeRawPointer(start))
  }
}

/// Whether the bytes in `range` are exactly `text`.
public func equal(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
  range.count == text.utf8CodeUnitCount && hasPrefix(bytes, range, text)
}

/// Whether the bytes in `range` begin with `text`.
public func hasPrefix(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
  let count = text.utf8CodeUnitCount
  guard range.count >= count else { return false }
  return text.withUTF8Buffer { text in
    unsafe bytes.extracting(range).withUnsafeBufferPointer { part in
      guard count > 0, let left = part.baseAddress, let right = text.baseAddress else { return count == 0 }
      return unsafe memcmp(left, right, count) == 0
    }
  }
}

/// Whether two runs of bytes are the same.
public func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  return unsafe left.withUnsafeBufferPointer { left in
    unsafe right.withUnsafeBufferPointer { right in
      guard let first = left.baseAddress, let second = right.baseAddress else { return true }
      return unsafe memcmp(first, second, left.count) == 0
    }
  }
}

/// Whether `left` comes before `right` in the order of their bytes.
public func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  let order = unsafe left.withUnsafeBufferPointer { left -> Int32 in
    unsafe right.withUnsafeBufferPointer { right in
      guard let first = left.baseAddress, let second = right.baseAddress else { return 0 }
      return unsafe memcmp(first, second, min(left.count, right.count))
    }
  }
  return order == 0 ? left.count < right.count : order < 0
}

/// `range` without the spaces, tabs, newlines and NULs around it.
public func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
  func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0x0a || byte == 0x0d || byte == 0 }
  var (start, end) = (range.lowerBound, range.upperBound)
  while start < end, isSpace(bytes[start]) { start += 1 }
  while end > start, isSpace(bytes[end - 1]) { end -= 1 }
  return start..<end
}

/// The decimal number that fills `range`; nil for anything else, and for what needs more than 64 bits.
public func parseUnsigned(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
  guard !range.isEmpty else { return nil }
  var value: UInt64 = 0
  for index in range {
    let digit = bytes[index] &- 0x30
    guard digit < 10 else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    guard !overflow, !carry else { return nil }
    value = sum
  }
  return value
}

/// The number that fills `range`, in decimal notation with optional sign, fraction and exponent, rounded as `strtod`
/// rounds; nil for anything else (words such as `inf` included).
public func parseDecimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
  var index = range.lowerBound
  let end = range.upperBound
  var negative = false
  if index < end, bytes[index] == 0x2d || bytes[index] == 0x2b {
    negative = bytes[index] == 0x2d
    index += 1
  }
  var mantissa: UInt64 = 0
  var (digits, scale, exact) = (0, 0, true)
  func take(_ digit: UInt8) {
    digits += 1
    if mantissa < 900_719_925_474_099 { mantissa = mantissa &* 10 &+ UInt64(digit) } else { exact = false }
  }
  while index < end, bytes[index] &- 0x30 < 10 {
    take(bytes[index] &- 0x30)
    index += 1
  }
  if index < end, bytes[index] == 0x2e {
    index += 1
    while index < end, bytes[index] &- 0x30 < 10 {
      take(bytes[index] &- 0x30)
      scale -= 1
      index += 1
    }
  }
  guard digits > 0 else { return nil }
  if index < end, bytes[index] | 0x20 == 0x65 {
    guard let exponent = parseExponent(bytes, index + 1..<end) else { return nil }
    scale += exponent
    index = end
  }
  guard index == end else { return nil }
  // Up to 2^53 and 10^22 both are exact in a Double, so one multiplication or division rounds once: correctly.
  guard exact, scale.magnitude <= 22 else { return parseDecimalSlowly(bytes, range) }
  let power = powersOfTen[Int(scale.magnitude)]
  let value = scale < 0 ? Double(mantissa) / power : Double(mantissa) * power
  return negative ? -value : value
}

private func parseExponent(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
  var start = range.lowerBound
  var negative = false
  if start < range.upperBound, bytes[start] == 0x2d || bytes[start] == 0x2b {
    negative = bytes[start] == 0x2d
    start += 1
  }
  guard start < range.upperBound, let size = parseUnsigned(bytes, start..<range.upperBound) else { return nil }
  let bounded = Int(min(size, 1_000_000))
  return negative ? -bounded : bounded
}

/// For the rare number a Double cannot hold exactly; the shape has been checked by the caller.
private func parseDecimalSlowly(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
  guard range.count <= 1024 else { return nil }
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: range.count + 1) { text in
    for offset in 0..<range.count { unsafe text[offset] = CChar(bitPattern: bytes[range.lowerBound + offset]) }
    unsafe text[range.count] = 0
    guard let start = text.baseAddress else { return nil }
    return unsafe strtod(start, nil)
  }
}

private let powersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
