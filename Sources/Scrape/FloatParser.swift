// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Telemetry

/// Reads a number as Go's `strconv.ParseFloat` does, which is what exporters are tested against; nil if it is none.
///
/// `Inf`, `Infinity` (signed or not) and `NaN` in any case are numbers; NaN gets `normalNaNBits`. Hexadecimal, `_`, and
/// numbers too large for a Double are not.
func parseFloat(_ text: Span<UInt8>) -> UInt64? {
  var index = 0
  var negative = false
  if text.count > 0, text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
    negative = text[0] == UInt8(ascii: "-")
    index = 1
  }
  var mantissa: UInt64 = 0
  var significant = 0  // digits in mantissa
  var exponent = 0
  var digits = 0
  var exact = true
  var pointSeen = false
  while index < text.count {
    let byte = text[index]
    let digit = byte &- 0x30
    if digit < 10 {
      digits &+= 1
      if significant < 19 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        if mantissa != 0 { significant &+= 1 }
        if pointSeen { exponent &-= 1 }
      } else {
        if digit != 0 { exact = false }
        if !pointSeen { exponent &+= 1 }
      }
    } else if byte == UInt8(ascii: "."), !pointSeen {
      pointSeen = true
    } else {
      break
    }
    index &+= 1
  }
  guard digits > 0 else { return pointSeen ? nil : parseSpecial(text, from: index, negative: negative) }
  if index < text.count {
    guard text[index] | 0x20 == UInt8(ascii: "e"), let written = parseExponent(text, from: index + 1) else {
      return nil
    }
    exponent += written
  }
  if let value = exactly(mantissa, exponent), exact { return (negative ? -value : value).bitPattern }
  return parseSlowly(text)
}

/// `mantissa * 10^exponent` where one rounding makes it (W. D. Clinger): both factors are exact Doubles.
private func exactly(_ mantissa: UInt64, _ exponent: Int) -> Double? {
  if mantissa == 0 { return 0 }
  guard mantissa <= 1 << 53 else { return nil }
  switch exponent {
  case 0: return Double(mantissa)
  case 1...22: return Double(mantissa) * powersOfTen[exponent]
  case -22 ... -1: return Double(mantissa) / powersOfTen[-exponent]
  default: return nil
  }
}

private let powersOfTen: [Double] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]

/// `+06`, to the end of `text`; capped where every Double has long become infinite or zero.
private func parseExponent(_ text: Span<UInt8>, from start: Int) -> Int? {
  var index = start
  var negative = false
  if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
    negative = text[index] == UInt8(ascii: "-")
    index += 1
  }
  guard index < text.count else { return nil }
  var value = 0
  while index < text.count {
    let digit = text[index] &- 0x30
    guard digit < 10 else { return nil }
    value = min(value * 10 + Int(digit), 1 << 40)
    index += 1
  }
  return negative ? -value : value
}

private func parseSpecial(_ text: Span<UInt8>, from start: Int, negative: Bool) -> UInt64? {
  if matches(text, from: start, "inf") || matches(text, from: start, "infinity") {
    return (negative ? -Double.infinity : Double.infinity).bitPattern
  }
  return start == 0 && matches(text, from: 0, "nan") ? normalNaNBits : nil
}

private func matches(_ text: Span<UInt8>, from start: Int, _ word: StaticString) -> Bool {
  guard text.count - start == word.utf8CodeUnitCount else { return false }
  return word.withUTF8Buffer { word in
    let word = unsafe word.span
    for index in 0..<word.count where text[start + index] | 0x20 != word[index] { return false }
    return true
  }
}

/// libc's parser, for the numbers one rounding does not make: without a String, as one value in three may come here.
///
/// The syntax has been checked, so the whole text is a number; the point is a point because nothing in the agent calls
/// `setlocale`.
private func parseSlowly(_ text: Span<UInt8>) -> UInt64? {
  let value = unsafe withUnsafeTemporaryAllocation(byteCount: text.count + 1, alignment: 1) { copy in
    unsafe text.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
    unsafe copy[text.count] = 0
    return unsafe strtod(copy.baseAddress!.assumingMemoryBound(to: CChar.self), nil)
  }
  return value.isFinite ? value.bitPattern : nil
}
