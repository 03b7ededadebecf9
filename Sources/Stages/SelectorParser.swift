// SPDX-License-Identifier: Apache-2.0

public import RE2

extension Selector {
  /// Reads `{app="web", level=~"warn|error"} |= "timeout" !~ "(?i)retry"`.
  ///
  /// Strings are quoted or in backquotes; a selector may be empty, and then takes everything.
  public init(_ text: String) throws(SelectorError) {
    var parser = SelectorParser(text)
    self = try parser.parse()
  }
}

/// What is wrong with a selector.
public enum SelectorError: Error, Equatable, CustomStringConvertible {
  /// Something else had to stand at `column`, counted from 1 in bytes.
  case unexpected(found: String, expected: String, column: Int)
  /// A string without an end, or with an escape that does not exist, begins at `column`.
  case invalidString(column: Int)
  /// RE2 does not take a regular expression.
  case invalidPattern(PatternError)

  /// One line for the operator.
  public var description: String {
    switch self {
    case .unexpected(let found, let expected, let column): "column \(column): \(found), where \(expected) should be"
    case .invalidString(let column): "column \(column): the string has no end, or an escape that does not exist"
    case .invalidPattern(let error): "\(error)"
    }
  }
}

private struct SelectorParser {
  private let text: [UInt8]
  private var offset = 0

  init(_ text: String) { self.text = Array(text.utf8) }

  mutating func parse() throws(SelectorError) -> Selector {
    var selector = Selector(matchers: [], filters: [])
    guard take("{") else { throw unexpected("{") }
    if !take("}") {
      repeat { selector.matchers.append(try labelMatcher()) } while take(",")
      guard take("}") else { throw unexpected("} or ,") }
    }
    while !isAtEnd { selector.filters.append(try lineFilter()) }
    return selector
  }

  private mutating func labelMatcher() throws(SelectorError) -> Selector.LabelMatcher {
    let name = try labelName()
    // The longer operators first: `=` begins `=~`.
    for (sign, isPattern, isNegated) in [("=~", true, false), ("!~", true, true), ("!=", false, true)] where take(sign)
    {
      let comparison = try comparison(isPattern: isPattern, .full)
      return Selector.LabelMatcher(name: name, comparison: comparison, isNegated: isNegated)
    }
    guard take("=") else { throw unexpected("=, !=, =~ or !~") }
    return Selector.LabelMatcher(name: name, comparison: try comparison(isPattern: false, .full), isNegated: false)
  }

  private mutating func lineFilter() throws(SelectorError) -> Selector.LineFilter {
    for (sign, isPattern, isNegated) in [
      ("|=", false, false), ("|~", true, false), ("!=", false, true), ("!~", true, true),
    ] where take(sign) {
      let comparison = try comparison(isPattern: isPattern, .search)
      return Selector.LineFilter(comparison: comparison, isNegated: isNegated)
    }
    throw unexpected("|=, |~, != or !~")
  }

  private mutating func comparison(
    isPattern: Bool, _ anchoring: Pattern.Anchoring
  ) throws(SelectorError) -> Selector.Comparison {
    let text = try string()
    guard isPattern else { return .text(text) }
    do throws(PatternError) {
      return .pattern(try Pattern(String(decoding: text, as: UTF8.self), anchoring))
    } catch { throw .invalidPattern(error) }
  }

  private mutating func labelName() throws(SelectorError) -> [UInt8] {
    skipBlanks()
    let start = offset
    while offset < text.count, isLetter(text[offset]) || (offset > start && isDigit(text[offset])) { offset += 1 }
    guard offset > start else { throw unexpected("a label's name") }
    return Array(text[start..<offset])
  }

  // MARK: Strings

  private mutating func string() throws(SelectorError) -> [UInt8] {
    skipBlanks()
    let start = offset
    guard offset < text.count, text[offset] == UInt8(ascii: "\"") || text[offset] == UInt8(ascii: "`") else {
      throw unexpected("a string in double quotes")
    }
    let quote = text[offset]
    offset += 1
    var value: [UInt8] = []
    while offset < text.count, text[offset] != quote {
      let byte = text[offset]
      offset += 1
      if byte != UInt8(ascii: "\\") || quote == UInt8(ascii: "`") {
        value.append(byte)
      } else if !takeEscaped(into: &value) {
        throw .invalidString(column: start + 1)
      }
    }
    guard offset < text.count else { throw .invalidString(column: start + 1) }
    offset += 1
    return value
  }

  /// What follows a backslash in a Go string.
  private mutating func takeEscaped(into value: inout [UInt8]) -> Bool {
    guard offset < text.count else { return false }
    let letter = text[offset]
    if let plain = Self.escapes[letter] {
      offset += 1
      value.append(plain)
      return true
    }
    switch letter {
    case UInt8(ascii: "x"): return takeCode(skipping: 1, digits: 2, radix: 16, into: &value)
    case UInt8(ascii: "u"): return takeCode(skipping: 1, digits: 4, radix: 16, into: &value)
    case UInt8(ascii: "U"): return takeCode(skipping: 1, digits: 8, radix: 16, into: &value)
    case UInt8(ascii: "0")...UInt8(ascii: "7"): return takeCode(skipping: 0, digits: 3, radix: 8, into: &value)
    default: return false
    }
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
    UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "\""): 0x22,
  ]

  private mutating func takeCode(skipping skipped: Int, digits: Int, radix: Int, into value: inout [UInt8]) -> Bool {
    let code = text.dropFirst(offset + skipped).prefix(digits)
    guard code.count == digits, let number = UInt32(String(decoding: code, as: UTF8.self), radix: radix) else {
      return false
    }
    offset = code.endIndex
    if digits < 4 {
      guard let byte = UInt8(exactly: number) else { return false }
      value.append(byte)
    } else {
      guard let scalar = Unicode.Scalar(number) else { return false }
      value.append(contentsOf: String(scalar).utf8)
    }
    return true
  }

  // MARK: Tokens

  private var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return offset == text.count
    }
  }

  private mutating func take(_ sign: String) -> Bool {
    skipBlanks()
    guard text.dropFirst(offset).starts(with: sign.utf8) else { return false }
    offset += sign.utf8.count
    return true
  }

  private mutating func skipBlanks() {
    while offset < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[offset]) { offset += 1 }
  }

  private mutating func unexpected(_ expected: String) -> SelectorError {
    skipBlanks()
    let rest = String(decoding: text.dropFirst(offset).prefix(1), as: UTF8.self)
    return .unexpected(found: rest.isEmpty ? "the end" : "\"\(rest)\"", expected: expected, column: offset + 1)
  }
}

private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
private func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") }
