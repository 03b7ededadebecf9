// SPDX-License-Identifier: Apache-2.0

/// A word of a template.
struct TemplateToken: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    case text([UInt8])
    /// `{{` and `}}`
    case open, close
    case identifier(String)
    /// `.name`
    case field([UInt8])
    /// `$name`, without the dollar sign
    case variable(String)
    case string([UInt8])
    case int(Int)
    case float(Double)
    case dot, pipe, comma, declare, assign, leftParenthesis, rightParenthesis
    case end
  }

  var kind: Kind
  var offset: Int
  /// Whether it follows without a blank between.
  var isAttached: Bool
}

/// Cuts a template into words.
struct TemplateLexer {
  private let bytes: [UInt8]
  private var offset = 0
  private var tokens: [TemplateToken] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// - Throws: where something is no word, as the offset.
  mutating func read() throws(TemplateSyntaxError) -> [TemplateToken] {
    var trimsNext = false
    while offset < bytes.count {
      let start = offset
      let opening = find("{{", from: offset)
      var text = bytes[offset..<(opening ?? bytes.count)]
      if trimsNext { text = text.drop(while: isSpace) }
      trimsNext = false
      guard let opening else {
        append(text, at: start)
        break
      }
      offset = opening + 2
      if begins("-"), offset + 1 < bytes.count, isSpace(bytes[offset + 1]) {
        offset += 1
        while let last = text.last, isSpace(last) { text.removeLast() }
      }
      append(text, at: start)
      trimsNext = try readAction(at: opening)
    }
    tokens.append(TemplateToken(kind: .end, offset: bytes.count, isAttached: false))
    return tokens
  }

  private mutating func append(_ text: ArraySlice<UInt8>, at start: Int) {
    if !text.isEmpty { tokens.append(TemplateToken(kind: .text(Array(text)), offset: start, isAttached: false)) }
  }

  /// Reads to the `}}`; whether that trims the text after it.
  private mutating func readAction(at opening: Int) throws(TemplateSyntaxError) -> Bool {
    let first = bytes[offset...].firstIndex { !isSpace($0) } ?? bytes.count
    if bytes[first...].starts(with: "/*".utf8) {
      guard let end = find("*/", from: first + 2) else { throw TemplateSyntaxError(opening, "a comment does not end") }
      offset = end + 2
      guard let trims = takeClose() else { throw TemplateSyntaxError(offset, "a comment must fill its {{ }}") }
      return trims
    }
    tokens.append(TemplateToken(kind: .open, offset: opening, isAttached: false))
    var isAttached = false
    while true {
      if let trims = takeClose() {
        tokens.append(TemplateToken(kind: .close, offset: offset, isAttached: isAttached))
        return trims
      }
      guard offset < bytes.count else { throw TemplateSyntaxError(opening, "{{ without }}") }
      if isSpace(bytes[offset]) {
        offset += 1
        isAttached = false
        continue
      }
      let start = offset
      let kind = try readWord()
      tokens.append(TemplateToken(kind: kind, offset: start, isAttached: isAttached))
      isAttached = true
    }
  }

  /// Takes `}}` or ` -}}`, if it comes next; whether it trims.
  private mutating func takeClose() -> Bool? {
    let next = bytes[offset...].firstIndex { !isSpace($0) } ?? bytes.count
    if next > offset, bytes[next...].starts(with: "-}}".utf8) {
      offset = next + 3
      return true
    }
    guard bytes[next...].starts(with: "}}".utf8) else { return nil }
    offset = next + 2
    return false
  }

  private mutating func readWord() throws(TemplateSyntaxError) -> TemplateToken.Kind {
    let byte = bytes[offset]
    switch byte {
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "`"): return .string(try readRawString())
    case UInt8(ascii: "'"): return .int(try readCharacter())
    case UInt8(ascii: "$"):
      offset += 1
      return .variable(readName())
    case UInt8(ascii: "|"): return take(1, .pipe)
    case UInt8(ascii: ","): return take(1, .comma)
    case UInt8(ascii: "("): return take(1, .leftParenthesis)
    case UInt8(ascii: ")"): return take(1, .rightParenthesis)
    case UInt8(ascii: "="): return take(1, .assign)
    case UInt8(ascii: ":") where begins(":="): return take(2, .declare)
    case UInt8(ascii: "."):
      if offset + 1 < bytes.count, bytes[offset + 1] &- 0x30 < 10 { return try readNumber() }
      offset += 1
      let name = readName()
      return name.isEmpty ? .dot : .field(Array(name.utf8))
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"): return try readNumber()
    default:
      let name = readName()
      guard !name.isEmpty else {
        let scalar = String(decoding: bytes[offset...], as: UTF8.self).unicodeScalars.first ?? "?"
        throw TemplateSyntaxError(offset, "'\(scalar)' is not expected")
      }
      return .identifier(name)
    }
  }

  private mutating func take(_ count: Int, _ kind: TemplateToken.Kind) -> TemplateToken.Kind {
    offset += count
    return kind
  }

  private mutating func readName() -> String {
    let start = offset
    while offset < bytes.count, isNameByte(bytes[offset]) || bytes[offset] >= 0x80 { offset += 1 }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func readNumber() throws(TemplateSyntaxError) -> TemplateToken.Kind {
    let start = offset
    offset += 1
    while offset < bytes.count {
      let isSign = "+-".utf8.contains(bytes[offset]) && bytes[offset - 1] | 0x20 == UInt8(ascii: "e")
      guard isSign || isNameByte(bytes[offset]) || bytes[offset] == UInt8(ascii: ".") else { break }
      offset += 1
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self).filter { $0 != "_" }
    if let number = goInteger(text) { return .int(number) }
    if let number = Double(text), number.isFinite { return .float(number) }
    throw TemplateSyntaxError(start, "\(text) is no number")
  }

  private mutating func readRawString() throws(TemplateSyntaxError) -> [UInt8] {
    guard let end = bytes[(offset + 1)...].firstIndex(of: UInt8(ascii: "`")) else {
      throw TemplateSyntaxError(offset, "a string does not end")
    }
    defer { offset = end + 1 }
    return Array(bytes[(offset + 1)..<end])
  }

  private mutating func readString() throws(TemplateSyntaxError) -> [UInt8] {
    let start = offset
    offset += 1
    var content: [UInt8] = []
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        offset += 1
        return content
      }
      if byte == UInt8(ascii: "\\") {
        try readEscape(into: &content)
      } else {
        content.append(byte)
        offset += 1
      }
    }
    throw TemplateSyntaxError(start, "a string does not end")
  }

  private mutating func readCharacter() throws(TemplateSyntaxError) -> Int {
    let start = offset
    var content: [UInt8] = []
    offset += 1
    if begins("\\") {
      try readEscape(into: &content)
    } else {
      content = Array(bytes[offset...].prefix(4).prefix { $0 != UInt8(ascii: "'") })
      offset += content.count
    }
    let scalars = Array(String(decoding: content, as: UTF8.self).unicodeScalars)
    guard begins("'"), scalars.count == 1 else {
      throw TemplateSyntaxError(start, "strings stand in double quotes or back-quotes")
    }
    offset += 1
    return Int(scalars[0].value)
  }

  /// Go's escapes.
  private mutating func readEscape(into content: inout [UInt8]) throws(TemplateSyntaxError) {
    let start = offset
    guard offset + 1 < bytes.count else { throw TemplateSyntaxError(start, "a string does not end") }
    let letter = bytes[offset + 1]
    offset += 2
    switch letter {
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "a"): content.append(0x07)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "v"): content.append(0x0b)
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): content.append(letter)
    case UInt8(ascii: "x"): content.append(UInt8(truncatingIfNeeded: try readHex(2, from: start)))
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let value = try readHex(letter == UInt8(ascii: "u") ? 4 : 8, from: start)
      guard let scalar = Unicode.Scalar(value) else { throw TemplateSyntaxError(start, "no such character") }
      appendUTF8(scalar, to: &content)
    default: throw TemplateSyntaxError(start, "unknown escape; in a string with back-quotes \\ stands for itself")
    }
  }

  private mutating func readHex(_ count: Int, from start: Int) throws(TemplateSyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard offset < bytes.count, let digit = hexDigit(bytes[offset]) else {
        throw TemplateSyntaxError(start, "\(count) hexadecimal digits are expected")
      }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }

  private func find(_ text: String, from start: Int) -> Int? {
    let pair = Array(text.utf8)
    var index = start
    while index + 1 < bytes.count {
      if bytes[index] == pair[0], bytes[index + 1] == pair[1] { return index }
      index += 1
    }
    return nil
  }

  private func begins(_ text: String) -> Bool { bytes[offset...].starts(with: text.utf8) }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }
}

/// A mistake at an offset of the template.
struct TemplateSyntaxError: Error {
  var offset: Int
  var reason: String

  init(_ offset: Int, _ reason: String) {
    self.offset = offset
    self.reason = reason
  }
}

/// An integer as Go writes it: decimal, `0x1f`, `0o17`, `017`, `0b1`.
func goInteger(_ text: String) -> Int? {
  let isNegative = text.hasPrefix("-")
  var digits = Substring(text)
  if isNegative || text.hasPrefix("+") { digits = digits.dropFirst() }
  guard let first = digits.utf8.first, first &- 0x30 < 10 else { return nil }
  let radix: Int
  switch digits.lowercased().prefix(2) {
  case "0x": (radix, digits) = (16, digits.dropFirst(2))
  case "0o": (radix, digits) = (8, digits.dropFirst(2))
  case "0b": (radix, digits) = (2, digits.dropFirst(2))
  default:
    radix = digits.hasPrefix("0") && digits.utf8.count > 1 ? 8 : 10
  }
  return Int((isNegative ? "-" : "") + digits, radix: radix)
}
