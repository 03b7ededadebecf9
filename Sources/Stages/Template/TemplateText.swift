// SPDX-License-Identifier: Apache-2.0

// What the functions of templates do to text.

func changeCase(isUpper: Bool) -> @Sendable ([UInt8]) -> [UInt8] {
  { bytes in
    if bytes.allSatisfy({ $0 < 0x80 }) {
      let range = isUpper ? UInt8(ascii: "a")...UInt8(ascii: "z") : UInt8(ascii: "A")...UInt8(ascii: "Z")
      return bytes.map { range.contains($0) ? $0 ^ 0x20 : $0 }
    }
    // Go changes character by character, so `ß` stays what it is.
    return String(decoding: bytes, as: UTF8.self).unicodeScalars.flatMap { scalar -> [UInt8] in
      let changed = (isUpper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping).unicodeScalars
      return Array(String(changed.count == 1 ? changed.first ?? scalar : scalar).utf8)
    }
  }
}

func isSpaceScalar(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

/// Without what is cut at its ends.
func trimmed(
  _ bytes: [UInt8], left: Bool = true, right: Bool = true, isCut: (Unicode.Scalar) -> Bool
) -> [UInt8] {
  var rest = Substring(String(decoding: bytes, as: UTF8.self)).unicodeScalars
  var (start, end) = (0, bytes.count)
  while left, let first = rest.first, isCut(first) {
    start += UTF8.width(first)
    rest.removeFirst()
  }
  while right, let last = rest.last, isCut(last) {
    end -= UTF8.width(last)
    rest.removeLast()
  }
  // Bytes that are no UTF-8 are wider when decoded; then there is nothing to say about places.
  return start <= end && end >= 0 ? Array(bytes[start..<end]) : bytes
}

/// Without the characters of `cut` at its ends.
func trimmed(_ bytes: [UInt8], of cut: [UInt8], left: Bool = true, right: Bool = true) -> [UInt8] {
  let scalars = Set(String(decoding: cut, as: UTF8.self).unicodeScalars)
  return trimmed(bytes, left: left, right: right) { scalars.contains($0) }
}

func without(prefix: [UInt8], _ text: [UInt8]) -> [UInt8] {
  text.starts(with: prefix) ? Array(text.dropFirst(prefix.count)) : text
}

func without(suffix: [UInt8], _ text: [UInt8]) -> [UInt8] {
  text.reversed().starts(with: suffix.reversed()) ? Array(text.dropLast(suffix.count)) : text
}

/// Where `needle` first stands.
func find(_ needle: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
  guard let first = needle.first else { return text.startIndex }
  var rest = text
  while rest.count >= needle.count, let place = rest.firstIndex(of: first) {
    rest = rest[place...]
    if rest.starts(with: needle) { return place }
    rest = rest.dropFirst()
  }
  return nil
}

/// With the first `count` of `old`, or all if negative, replaced; an empty `old` stands before each character and at the
/// end.
func replaced(
  _ text: [UInt8], _ old: [UInt8], with new: [UInt8], count: Int
) throws(TemplateFailure) -> [UInt8] {
  var output: [UInt8] = []
  var rest = text[...]
  var left = count < 0 ? Int.max : count
  while left > 0 {
    guard let place = find(old, in: rest) else { break }
    output += rest[..<place] + new
    rest = rest[(place + old.count)...]
    left -= 1
    if old.isEmpty {
      guard let byte = rest.popFirst() else { return output }
      output.append(byte)
      while let next = rest.first, next & 0xc0 == 0x80 { output.append(rest.removeFirst()) }
    }
    guard output.count <= GoTemplate.outputLimit else { throw TemplateFailure("too long") }
  }
  return output + rest
}

/// The parts between separators; with an empty one, the characters.
func split(_ text: [UInt8], by separator: [UInt8]) throws(TemplateFailure) -> [[UInt8]] {
  var parts: [[UInt8]] = []
  var rest = text[...]
  while true {
    guard parts.count < 10_000 else { throw TemplateFailure("more than 10000 parts") }
    if separator.isEmpty {
      guard let first = rest.popFirst() else { return parts }
      let more = rest.prefix { $0 & 0xc0 == 0x80 }
      rest = rest.dropFirst(more.count)
      parts.append([first] + more)
    } else {
      guard let place = find(separator, in: rest) else { return parts + [Array(rest)] }
      parts.append(Array(rest[..<place]))
      rest = rest[(place + separator.count)...]
    }
  }
}

func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
  let digits = Array("0123456789abcdef".utf8)
  return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
}

private let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

func base64(_ bytes: [UInt8]) -> [UInt8] {
  var output: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start...].prefix(3)
    let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
    for place in 0..<4 {
      let digit = base64Digits[Int(bits >> (18 - 6 * UInt32(place)) & 63)]
      output.append(place <= group.count ? digit : UInt8(ascii: "="))
    }
  }
  return output
}

/// What Base64 means; nil for anything else. Line breaks are skipped.
func fromBase64(_ text: [UInt8]) -> [UInt8]? {
  let text = text.filter { $0 != 0x0a && $0 != 0x0d }
  guard text.count % 4 == 0 else { return nil }
  let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
  var (bits, count) = (UInt32(0), 0)
  var output: [UInt8] = []
  for byte in text.dropLast(padding) {
    guard let digit = base64Value(byte) else { return nil }
    (bits, count) = (bits << 6 | UInt32(digit), count + 6)
    guard count >= 8 else { continue }
    count -= 8
    output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
  }
  return output
}

private func base64Value(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
  case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
  case UInt8(ascii: "+"): 62
  case UInt8(ascii: "/"): 63
  default: nil
  }
}

/// A number of whatever there is, as sprig makes one: 0 where there is none.
func looseInt(_ value: TemplateValue) -> Int {
  switch value {
  case .int(let number): return number
  case .float(let number): return Int(exactly: number.rounded(.towardZero)) ?? 0
  case .bool(let bool): return bool ? 1 : 0
  case .string(let bytes):
    let text = String(decoding: bytes, as: UTF8.self)
    // `08` is 8, and `3.0` is 3.
    let whole = text.prefix { $0 != "." }
    let fraction = text.dropFirst(whole.count).dropFirst()
    return fraction.allSatisfy { $0 == "0" } ? Int(whole) ?? goInteger(String(whole)) ?? 0 : 0
  default: return 0
  }
}

func looseFloat(_ value: TemplateValue) -> Double {
  switch value {
  case .float(let number): number
  case .string(let bytes): Double(String(decoding: bytes, as: UTF8.self)) ?? 0
  default: Double(looseInt(value))
  }
}

extension Sequence<Unicode.Scalar> {
  /// As UTF-8.
  var utf8Bytes: [UInt8] {
    var output: [UInt8] = []
    for scalar in self { appendUTF8(scalar, to: &output) }
    return output
  }
}
