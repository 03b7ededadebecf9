// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The digits of a number and where its point stands: `digits` × 10^(`point` - count of digits).
struct Decimal {
  var digits: [UInt8]  // ASCII, without leading zeros; empty for zero
  var point: Int
  var negative: Bool

  /// The shortest digits that read back as `value`, which is finite.
  init(shortest value: Double) {
    negative = value.sign == .minus
    let text = "\(value.magnitude)"
    let exponentSplit = text.split(separator: "e")
    let parts = exponentSplit[0].split(separator: ".", omittingEmptySubsequences: false)
    let exponent = exponentSplit.count > 1 ? Int(exponentSplit[1]) ?? 0 : 0
    digits = Array(parts[0].utf8) + (parts.count > 1 ? Array(parts[1].utf8) : [])
    point = parts[0].utf8.count + exponent
    let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(zeros)
    point -= zeros
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    if digits.isEmpty { point = 0 }
  }

  /// `123.45`
  var plain: String {
    var text = negative ? "-" : ""
    if point <= 0 {
      text += "0"
    } else {
      text += String(decoding: digits.prefix(point), as: UTF8.self)
      text += String(repeating: "0", count: max(0, point - digits.count))
    }
    let fraction = digits.dropFirst(max(0, point))
    if !fraction.isEmpty {
      text += "." + String(repeating: "0", count: max(0, -point)) + String(decoding: fraction, as: UTF8.self)
    }
    return text
  }

  /// `1.2345e+02`
  var scientific: String {
    let exponent = digits.isEmpty ? 0 : point - 1
    var text = negative ? "-" : ""
    text += digits.isEmpty ? "0" : String(decoding: digits.prefix(1), as: UTF8.self)
    if digits.count > 1 { text += "." + String(decoding: digits.dropFirst(), as: UTF8.self) }
    let magnitude = String(exponent.magnitude)
    return text + "e" + (exponent < 0 ? "-" : "+") + (magnitude.utf8.count < 2 ? "0" : "") + magnitude
  }
}

/// Decimal text without exponent, as short as reads back the same.
func plainDecimal(_ value: Double) -> String {
  value.isFinite ? Decimal(shortest: value).plain : goNonFinite(value)
}

/// The text of Go's `%v`: with an exponent from 1e21 on and below 1e-4.
func goFloat(_ value: Double) -> String { goFloat(value, exponentFrom: 21) }

/// The shortest `%g` form, with an exponent from 10^`exponentFrom` on.
func goFloat(_ value: Double, exponentFrom limit: Int) -> String {
  guard value.isFinite else { return goNonFinite(value) }
  let decimal = Decimal(shortest: value)
  let exponent = decimal.digits.isEmpty ? 0 : decimal.point - 1
  return exponent < -4 || exponent >= limit ? decimal.scientific : decimal.plain
}

func goNonFinite(_ value: Double) -> String { value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }

/// C's rendering of `value` under verb `e`, `f` or `g`, in either case, with `precision` digits.
func fixedFloat(_ value: Double, verb: Character, precision: Int, alternate: Bool) -> String {
  var buffer = [CChar](repeating: 0, count: precision + 400)
  let format = alternate ? "%#.*\(verb)" : "%.*\(verb)"
  let length = unsafe withVaList([Int32(precision), value]) { arguments in
    unsafe vsnprintf(&buffer, buffer.count, format, arguments)
  }
  return String(decoding: buffer.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// `text` in double quotes, with the escapes of the language (which are Go's).
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\u{7}": result += "\\a"
    case "\u{8}": result += "\\b"
    case "\u{c}": result += "\\f"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\u{b}": result += "\\v"
    case _ where scalar.value < 0x20 || scalar.value == 0x7f: result += "\\x" + hex(scalar.value, digits: 2)
    case _ where !isPrintable(scalar):
      result += scalar.value > 0xffff ? "\\U" + hex(scalar.value, digits: 8) : "\\u" + hex(scalar.value, digits: 4)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func hex(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return true }
  switch scalar.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
    return false
  default: return true
  }
}
