// SPDX-License-Identifier: Apache-2.0

/// A number as OpenMetrics wants it in `le` and `quantile`: `1.0`, `0.005`, `1e+06`, `+Inf`.
///
/// Prometheus writes these labels so whatever the page says; a series must not change its identity because an exporter
/// writes `le="1"` today and `le="1.0"` tomorrow.
func openMetricsText(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
  if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
  let (digits, point) = shortestDigits(value.magnitude)
  return (value < 0 ? "-" : "") + layOut(digits, point)
}

/// The shortest digits that read back as `value`, and where the decimal point stands among them.
private func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
  var digits: [UInt8] = []
  var point: Int?
  var exponent = 0
  let text = Array("\(value)".utf8)
  for (index, byte) in text.enumerated() {
    if byte == UInt8(ascii: ".") {
      point = digits.count
    } else if byte == UInt8(ascii: "e") {
      exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
      break
    } else {
      digits.append(byte)
    }
  }
  let place = (point ?? digits.count) + exponent
  let zeros = digits.prefix { $0 == 0x30 }.count
  digits.removeFirst(zeros)
  while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
  return (digits, place - zeros)
}

/// Exponents below -4 and from 6 on are written with `e`, two digits at least.
private func layOut(_ digits: [UInt8], _ point: Int) -> String {
  let text = String(decoding: digits, as: UTF8.self)
  let exponent = point - 1
  if exponent < -4 || exponent >= 6 {
    let fraction = digits.count > 1 ? "." + text.dropFirst() : ""
    let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    return "\(text.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(size)"
  }
  if point <= 0 { return "0." + String(repeating: "0", count: -point) + text }
  if point >= digits.count { return text + String(repeating: "0", count: point - digits.count) + ".0" }
  return text.prefix(point) + "." + text.dropFirst(point)
}

/// How a number is written, as far as that can be told without reading it.
enum NumberForm {
  /// As `openMetricsText` writes it.
  case normal
  /// Digits that only lack `.0`.
  case whole
  /// Whoever wants to know must read it.
  case other

  /// The form of `text`. Nearly all bounds of nearly all histograms are `normal` or `whole`.
  init(_ text: Span<UInt8>) {
    self = equal(text, "+Inf") ? .normal : .other
    var digits = 0
    while digits < text.count, text[digits] &- 0x30 < 10 { digits += 1 }
    guard digits > 0, digits <= 6, digits == 1 || text[0] != 0x30 else { return }
    if digits == text.count {
      self = .whole
      return
    }
    let fraction = text.count - digits - 1
    guard text[digits] == UInt8(ascii: "."), fraction > 0, fraction <= 9 else { return }
    var zeros = 0  // at the beginning of the fraction
    for index in (digits + 1)..<text.count {
      guard text[index] &- 0x30 < 10 else { return }
      if text[index] == 0x30, zeros == index - digits - 1 { zeros += 1 }
    }
    let endsInZero = text[text.count - 1] == 0x30
    let needsExponent = text[0] == 0x30 && zeros > 3
    if fraction == 1 || (!endsInZero && !needsExponent) { self = .normal }
  }
}
