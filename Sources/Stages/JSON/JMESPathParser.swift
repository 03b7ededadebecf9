// SPDX-License-Identifier: Apache-2.0

/// An expression that is not one, or not one of those we have.
public struct JMESPathError: Error, Equatable, CustomStringConvertible {
  /// The byte of the expression at fault, counted from 1.
  public var position: Int
  /// What is wrong there.
  public var reason: String

  /// One line for the operator.
  public var description: String { "JMESPath, character \(position): \(reason)" }
}

/// Reads expressions; the grammar stands with ``JMESPath``.
struct JMESPathParser {
  private let bytes: [UInt8]
  private var offset = 0
  private var depth = 0

  /// What there is, for those who asked for something else.
  static let supported = "names, \"quoted names\", a.b, [0], [-1], [*], *, |, ||, @, 'text' and `json`"

  init(_ source: String) { bytes = Array(source.utf8) }

  mutating func parse() throws(JMESPathError) -> JMESPath.Expression {
    guard bytes.count <= 4096 else { throw error("longer than 4096 characters", at: 4096) }
    let expression = try parsePipe()
    skipBlanks()
    guard offset == bytes.count else { throw unexpected() }
    return expression
  }

  private mutating func parsePipe() throws(JMESPathError) -> JMESPath.Expression {
    guard depth < 32 else { throw error("more than 32 parentheses within each other") }
    depth += 1
    defer { depth -= 1 }
    var left = try parseEither()
    while take("|") { left = .pipe(left, try parseEither()) }
    return left
  }

  private mutating func parseEither() throws(JMESPathError) -> JMESPath.Expression {
    var left = try parseChain()
    while takeBoth("||") { left = .either(left, try parseChain()) }
    return left
  }

  private mutating func parseChain() throws(JMESPathError) -> JMESPath.Expression {
    var steps: [JMESPath.Step] = []
    let first = try parseFirst(&steps)
    while true {
      if take(".") {
        steps.append(try parseName())
      } else if peek == UInt8(ascii: "[") {
        steps.append(try parseBrackets())
      } else {
        return .chain(first, steps)
      }
    }
  }

  private mutating func parseFirst(_ steps: inout [JMESPath.Step]) throws(JMESPathError) -> JMESPath.First {
    switch peek {
    case UInt8(ascii: "@"): _ = take("@")
    case UInt8(ascii: "("):
      _ = take("(")
      let expression = try parsePipe()
      guard take(")") else { throw error("expected )") }
      return .nested(expression)
    case UInt8(ascii: "'"): return try parseRawString()
    case UInt8(ascii: "`"): return try parseLiteral()
    case UInt8(ascii: "["): steps.append(try parseBrackets())
    default: steps.append(try parseName())
    }
    return .current
  }

  private mutating func parseName() throws(JMESPathError) -> JMESPath.Step {
    let start = offset
    guard let byte = peek else { throw error("the expression ends where a name is expected") }
    if take("*") { return .values }
    if byte == UInt8(ascii: "\"") { return .key(try parseQuotedName()) }
    guard isNameStart(byte) else { throw unexpected() }
    skipBlanks()
    let nameStart = offset
    while offset < bytes.count, isNameStart(bytes[offset]) || bytes[offset] &- 0x30 < 10 { offset += 1 }
    if peek == UInt8(ascii: "(") {
      let name = String(decoding: bytes[nameStart..<offset], as: UTF8.self)
      throw error("the function \(name)() is not supported; there are \(Self.supported)", at: start)
    }
    return .key(Array(bytes[nameStart..<offset]))
  }

  private mutating func parseQuotedName() throws(JMESPathError) -> [UInt8] {
    skipBlanks()
    let start = offset
    var scanner = JSONScanner(start..<bytes.count)
    guard scanner.skipString(bytes.span) else {
      throw error("a quoted name that does not end, or a wrong escape in it")
    }
    offset = scanner.offset
    var name: [UInt8] = []
    _ = appendUnescaped(bytes.span, (start + 1)..<(offset - 1), to: &name)
    return name
  }

  private mutating func parseBrackets() throws(JMESPathError) -> JMESPath.Step {
    skipBlanks()
    let start = offset
    offset += 1
    if take("*") {
      guard take("]") else { throw error("expected ]") }
      return .elements
    }
    skipBlanks()
    let numberStart = offset
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    while offset < bytes.count, bytes[offset] &- 0x30 < 10 { offset += 1 }
    let digits = String(decoding: bytes[numberStart..<offset], as: UTF8.self)
    guard let number = Int(digits), number.magnitude < 1 << 31, take("]") else {
      throw error("only [number] and [*] are supported: no slices, filters or selections", at: start)
    }
    return .index(number)
  }

  private mutating func parseRawString() throws(JMESPathError) -> JMESPath.First {
    skipBlanks()
    let start = offset
    offset += 1
    var content: [UInt8] = []
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "'") {
      if bytes[offset] == UInt8(ascii: "\\"), offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "'") {
        offset += 1
      }
      content.append(bytes[offset])
      offset += 1
    }
    guard take("'") else { throw error("a string that does not end", at: start) }
    var text: [UInt8] = []
    appendQuoted(content, to: &text)
    return .literal(text, JSONScanner.Value(kind: .string, range: 0..<text.count))
  }

  private mutating func parseLiteral() throws(JMESPathError) -> JMESPath.First {
    skipBlanks()
    let start = offset
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "`") {
      if bytes[offset] == UInt8(ascii: "\\"), offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "`") {
        offset += 1
      }
      text.append(bytes[offset])
      offset += 1
    }
    guard take("`") else { throw error("a literal that does not end", at: start) }
    guard let value = JSONScanner.document(text.span) else {
      throw error("what stands between ` and ` is not JSON", at: start)
    }
    return .literal(text, value)
  }

  private mutating func unexpected() -> JMESPathError {
    guard let byte = peek else { return error("the expression ends early") }
    skipBlanks()
    switch byte {
    case UInt8(ascii: "$") where offset == 0:
      return error("JMESPath begins with the name, without $")
    case UInt8(ascii: "-") where offset > 0, UInt8(ascii: "/") where offset > 0:
      return error("a name with other characters than letters, digits and _ stands in double quotes")
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return error("a name that begins with a digit stands in double quotes")
    case UInt8(ascii: "."): return error("a name is expected, not '.'")
    default:
      let scalar = String(decoding: bytes[offset...], as: UTF8.self).unicodeScalars.first ?? "?"
      return error("'\(scalar)' is not expected here; there are \(Self.supported)")
    }
  }

  private func error(_ reason: String, at place: Int? = nil) -> JMESPathError {
    JMESPathError(position: (place ?? offset) + 1, reason: reason)
  }

  private func isNameStart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    default: false
    }
  }

  /// What comes next after blanks.
  private var peek: UInt8? {
    bytes[offset...].first { !isBlank($0) }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

  private mutating func skipBlanks() {
    while offset < bytes.count, isBlank(bytes[offset]) { offset += 1 }
  }

  /// Takes a character, but not half of `||`.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    let before = offset
    skipBlanks()
    if character == "|", offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "|") {
      offset = before
      return false
    }
    offset += 1
    return true
  }

  private mutating func takeBoth(_ operator: String) -> Bool {
    let before = offset
    skipBlanks()
    if bytes[offset...].starts(with: `operator`.utf8) {
      offset += `operator`.utf8.count
      return true
    }
    offset = before
    return false
  }
}
