// SPDX-License-Identifier: Apache-2.0

/// The two alphabets of RFC 4648, sections 4 and 5.
enum Base64: Sendable {
  case standard
  case url

  private var alphabet: [UInt8] {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return Array((letters + (self == .standard ? "+/" : "-_")).utf8)
  }

  /// `bytes` with padding.
  func encode(_ bytes: [UInt8]) -> String {
    let alphabet = alphabet
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for position in 0..<4 {
        let letter = alphabet[Int(bits >> UInt32(18 - 6 * position)) & 63]
        result.append(position <= group.count ? letter : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The bytes `text` stands for; newlines are skipped and the padding must be there.
  func decode(_ text: String) throws(ConversionError) -> [UInt8] {
    let alphabet = alphabet
    let letters = text.utf8.enumerated().filter { $0.element != 0x0a && $0.element != 0x0d }
    let padding = letters.reversed().prefix { $0.element == UInt8(ascii: "=") }.count
    var result: [UInt8] = []
    var bits: UInt32 = 0
    let significant = letters.dropLast(padding)
    for (count, letter) in significant.enumerated() {
      guard let value = alphabet.firstIndex(of: letter.element) else {
        throw ConversionError("illegal base64 data at input byte \(letter.offset)")
      }
      bits = bits << 6 | UInt32(value)
      if count % 4 == 3 { result += [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)] }
    }
    let rest = significant.count % 4
    guard letters.count % 4 == 0, padding == (rest == 0 ? 0 : 4 - rest), rest != 1 else {
      throw ConversionError("illegal base64 data at input byte \(text.utf8.count)")
    }
    if rest == 2 { result.append(UInt8(bits >> 4 & 255)) }
    if rest == 3 { result += [UInt8(bits >> 10 & 255), UInt8(bits >> 2 & 255)] }
    return result
  }
}

/// `text` as part of a query: a blank is `+`, and everything but letters, digits and `-_.~` becomes `%XX`.
func urlEncoded(_ text: String) -> String {
  var result = ""
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: " "): result += "+"
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: "~"):
      result.unicodeScalars.append(Unicode.Scalar(byte))
    default: result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
    }
  }
  return result
}

/// What `urlEncoded` gave `text` for.
func urlDecoded(_ text: String) throws(ConversionError) -> String {
  let bytes = Array(text.utf8)
  var result: [UInt8] = []
  var index = 0
  while index < bytes.count {
    switch bytes[index] {
    case UInt8(ascii: "+"): result.append(UInt8(ascii: " "))
    case UInt8(ascii: "%"):
      let pair = bytes[index...].prefix(3)
      let digits = pair.dropFirst().compactMap { hexValue($0) }
      guard digits.count == 2 else {
        throw ConversionError("invalid URL escape \(quoted(String(decoding: pair, as: UTF8.self)))")
      }
      result.append(UInt8(digits[0] << 4 | digits[1]))
      index += 2
    default: result.append(bytes[index])
    }
    index += 1
  }
  return String(decoding: result, as: UTF8.self)
}
