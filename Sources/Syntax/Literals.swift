// SPDX-License-Identifier: Apache-2.0

/// The text a string literal stands for; `text` is with its quotes and has passed the lexer.
func unquoted(_ text: ArraySlice<UInt8>) -> String {
  let inner = text.dropFirst().dropLast()
  guard text.first == UInt8(ascii: "\"") else { return String(decoding: inner, as: UTF8.self) }
  var result: [UInt8] = []
  var index = inner.startIndex
  while index < inner.endIndex {
    if inner[index] == UInt8(ascii: "\\") {
      index = appendEscaped(inner, from: index + 1, to: &result)
    } else {
      result.append(inner[index])
      index += 1
    }
  }
  return String(decoding: result, as: UTF8.self)
}

private func appendEscaped(_ text: ArraySlice<UInt8>, from start: Int, to result: inout [UInt8]) -> Int {
  guard start < text.endIndex else { return start }
  let plain: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
    UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11,
  ]
  if let byte = plain[text[start]] {
    result.append(byte)
    return start + 1
  }
  let (skipped, digits, base): (Int, Int, UInt32)
  switch text[start] {
  case UInt8(ascii: "x"): (skipped, digits, base) = (1, 2, 16)
  case UInt8(ascii: "u"): (skipped, digits, base) = (1, 4, 16)
  case UInt8(ascii: "U"): (skipped, digits, base) = (1, 8, 16)
  case UInt8(ascii: "0")...UInt8(ascii: "7"): (skipped, digits, base) = (0, 3, 8)
  default:
    result.append(text[start])
    return start + 1
  }
  let code = text.dropFirst(start + skipped - text.startIndex).prefix(digits)
  let value = code.reduce(UInt32(0)) { $0 &* base &+ (hexValue($1) ?? 0) }
  if digits < 4 {
    result.append(UInt8(truncatingIfNeeded: value))
  } else {
    result.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{fffd}").utf8)
  }
  return code.endIndex
}

/// The number a literal stands for: decimal, or octal after a leading zero; too large for 64 bits, it becomes a float.
func numberLiteral(_ text: String) -> Value {
  let isOctal = text.count > 1 && text.hasPrefix("0")
  if let int = Int64(text, radix: isOctal ? 8 : 10) { return .int(int) }
  if let uint = UInt64(text, radix: isOctal ? 8 : 10) { return .uint(uint) }
  return floatLiteral(text)
}

/// The number a literal with fraction or exponent stands for; too large a one is infinite.
func floatLiteral(_ text: String) -> Value { .float(decimal(text) ?? .infinity) }

/// The number `text` spells with decimal digits, of which `.5` and `1.` leave some out.
func decimal(_ text: String) -> Double? {
  let mantissa = text.prefix { $0 != "e" && $0 != "E" }
  guard mantissa.utf8.allSatisfy({ "0123456789.".utf8.contains($0) }), mantissa != "." else { return nil }
  var padded = mantissa.hasPrefix(".") ? "0" + mantissa : String(mantissa)
  if padded.hasSuffix(".") { padded += "0" }
  return Double(padded + text.dropFirst(mantissa.count))
}
