// SPDX-License-Identifier: Apache-2.0

/// The value `text` spells as JSON (RFC 8259); whole numbers become ints, others floats.
func parseJSON(_ text: String) throws(ConversionError) -> Value {
  var parser = JSONParser(bytes: Array(text.utf8))
  return try parser.parseDocument()
}

private struct JSONParser {
  let bytes: [UInt8]
  var offset = 0
  var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func parseDocument() throws(ConversionError) -> Value {
    let value = try parseValue()
    skipBlanks()
    guard offset == bytes.count else { throw failure("text after the value") }
    return value
  }

  private mutating func parseValue() throws(ConversionError) -> Value {
    skipBlanks()
    switch peek {
    case UInt8(ascii: "{"): return try nested { parser throws(ConversionError) in try parser.parseObject() }
    case UInt8(ascii: "["): return try nested { parser throws(ConversionError) in try parser.parseArray() }
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
    case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
    case UInt8(ascii: "n"): return try parseWord("null", .null)
    default: return try parseNumber()
    }
  }

  private mutating func nested(
    _ parse: (inout JSONParser) throws(ConversionError) -> Value
  ) throws(ConversionError) -> Value {
    guard depth < nestingLimit else { throw failure("nested more than \(nestingLimit) levels deep") }
    depth += 1
    offset += 1
    defer { depth -= 1 }
    return try parse(&self)
  }

  private mutating func parseObject() throws(ConversionError) -> Value {
    var fields: [String: Value] = [:]
    skipBlanks()
    if take("}") { return .object([:]) }
    while true {
      skipBlanks()
      guard peek == UInt8(ascii: "\"") else { throw failure("a key in double quotes is expected") }
      let key = try parseString()
      skipBlanks()
      guard take(":") else { throw failure("':' is expected") }
      fields[key] = try parseValue()
      skipBlanks()
      if take("}") { return .object(fields) }
      guard take(",") else { throw failure("',' or '}' is expected") }
    }
  }

  private mutating func parseArray() throws(ConversionError) -> Value {
    var elements: [Value] = []
    skipBlanks()
    if take("]") { return .array([]) }
    while true {
      elements.append(try parseValue())
      skipBlanks()
      if take("]") { return .array(elements) }
      guard take(",") else { throw failure("',' or ']' is expected") }
    }
  }

  private mutating func parseString() throws(ConversionError) -> String {
    offset += 1
    var text: [UInt8] = []
    while let byte = peek, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw failure("a control character must be escaped") }
      offset += 1
      if byte == UInt8(ascii: "\\") { try parseEscape(into: &text) } else { text.append(byte) }
    }
    guard take("\"") else { throw failure("a string is not closed") }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func parseEscape(into text: inout [UInt8]) throws(ConversionError) {
    guard let byte = peek else { throw failure("a string is not closed") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var units = [try parseUnit()]
      if (0xd800..<0xdc00).contains(units[0]), peek == UInt8(ascii: "\\"), offset + 1 < bytes.count,
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        units.append(try parseUnit())
      }
      text.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
    default: throw failure("unknown escape")
    }
  }

  private mutating func parseUnit() throws(ConversionError) -> UInt16 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = peek.flatMap({ hexValue($0) }) else { throw failure("four hexadecimal digits are expected") }
      unit = unit * 16 + digit
      offset += 1
    }
    return UInt16(truncatingIfNeeded: unit)
  }

  private mutating func parseWord(_ word: String, _ value: Value) throws(ConversionError) -> Value {
    guard bytes[offset...].starts(with: word.utf8) else { throw failure("this is no value") }
    offset += word.utf8.count
    return value
  }

  private mutating func parseNumber() throws(ConversionError) -> Value {
    let start = offset
    _ = take("-")
    if !take("0") { try parseDigits() }
    var isWhole = true
    if take(".") {
      isWhole = false
      try parseDigits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      try parseDigits()
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    // Only a float can be -0.
    if isWhole, text != "-0", let int = Int64(text) { return .int(int) }
    guard let float = Double(text), float.isFinite else { throw failure("the number is too large") }
    return .float(float)
  }

  private mutating func parseDigits() throws(ConversionError) {
    let start = offset
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
    guard offset > start else { throw failure(offset == bytes.count ? "it ends early" : "this is no value") }
  }

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipBlanks() {
    while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private func failure(_ reason: String) -> ConversionError {
    ConversionError("invalid JSON at byte \(offset + 1): \(reason)")
  }
}
