// SPDX-License-Identifier: Apache-2.0

/// Cuts a file into tokens and comments.
///
/// A newline becomes a terminator token when it follows something that can end a statement, as in Go.
struct Lexer {
  let file: SourceFile
  private(set) var tokens: [Token] = []
  private(set) var comments: [Comment] = []
  private(set) var diagnostics: [Diagnostic] = []
  private var offset = 0
  private var bytes: [UInt8] { file.bytes }

  /// Cuts all of `file`.
  init(_ file: SourceFile) {
    self.file = file
    while diagnostics.count < errorLimit {
      guard scan() else { return }
    }
    add(.endOfFile, from: offset)
  }

  // MARK: - One token at a time

  private mutating func scan() -> Bool {
    skipBlanks()
    let start = offset
    guard offset < file.bytes.count else {
      if mayTerminate { add(.terminator, from: start) }
      add(.endOfFile, from: start)
      return false
    }
    let byte = file.bytes[offset]
    switch byte {
    case UInt8(ascii: "\n"):
      offset += 1
      add(.terminator, from: start)
    case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/") || peek(1) == UInt8(ascii: "*"): scanComment()
    case UInt8(ascii: "\""): scanString()
    case UInt8(ascii: "`"): scanRawString()
    case UInt8(ascii: "0")...UInt8(ascii: "9"): scanNumber()
    case UInt8(ascii: ".") where isDigitByte(peek(1)): scanNumber()
    default: scanSymbolOrWord()
    }
    return true
  }

  /// Whether a newline would end the statement here.
  private var mayTerminate: Bool { tokens.last?.endsStatement ?? false }

  /// Skips blanks, and newlines where they mean nothing.
  private mutating func skipBlanks() {
    while let byte = peek(0) {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
      case UInt8(ascii: "\n") where !mayTerminate: offset += 1
      default: return
      }
    }
  }

  private mutating func scanSymbolOrWord() {
    let start = offset
    if let symbol = symbol() {
      offset += symbol.utf8.count
      add(.symbol(symbol), from: start)
      return
    }
    guard let scalar = scalar() else {
      offset += 1
      report(file.bytes[start] == 0 ? "illegal character NUL" : "illegal UTF-8 encoding", from: start)
      return add(.illegal, from: start)
    }
    guard isLetter(scalar) else { return scanIllegal(scalar) }
    while let next = self.scalar(), isLetter(next) || isDigit(next) { offset += next.utf8.count }
    switch String(decoding: file.bytes[start..<offset], as: UTF8.self) {
    case "true", "false": add(.bool, from: start)
    case "null": add(.null, from: start)
    default: add(.identifier, from: start)
    }
  }

  private func symbol() -> String? {
    let next = peek(1)
    switch file.bytes[offset] {
    case UInt8(ascii: "|") where next == UInt8(ascii: "|"): return "||"
    case UInt8(ascii: "&") where next == UInt8(ascii: "&"): return "&&"
    case UInt8(ascii: "="): return next == UInt8(ascii: "=") ? "==" : "="
    case UInt8(ascii: "!"): return next == UInt8(ascii: "=") ? "!=" : "!"
    case UInt8(ascii: "<"): return next == UInt8(ascii: "=") ? "<=" : "<"
    case UInt8(ascii: ">"): return next == UInt8(ascii: "=") ? ">=" : ">"
    case let byte where "+-*/%^{}()[],.".utf8.contains(byte): return String(UnicodeScalar(byte))
    default: return nil
    }
  }

  private mutating func scanIllegal(_ scalar: Unicode.Scalar) {
    let start = offset
    offset += scalar.utf8.count
    if scalar == "'" {
      while let byte = peek(0), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "'") { offset += 1 }
      if peek(0) == UInt8(ascii: "'") { offset += 1 }
      report("illegal single-quoted string; use double quotes", from: start)
      return add(.illegal, from: start)
    }
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let code = String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    report("illegal character U+\(code) '\(scalar)'", from: start, hint: hint(forIllegal: scalar))
    add(.illegal, from: start)
    // What follows a comment sign of another language would only repeat the complaint.
    if scalar == "#" { skipLine() }
  }

  private func hint(forIllegal scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "#": "comments begin with //"
    case ":": "values are assigned with '='; this is not YAML or JSON"
    case ";": "statements end with their line; remove ';'"
    case "&": "the operator is &&"
    case "|": "the operator is ||"
    case "\u{2018}", "\u{2019}", "\u{201c}", "\u{201d}": "use plain double quotes"
    default: nil
    }
  }

  private mutating func skipLine() {
    while let byte = peek(0), byte != UInt8(ascii: "\n") { offset += 1 }
  }

  // MARK: - Comments, numbers and strings

  private mutating func scanComment() {
    let start = offset
    if peek(1) == UInt8(ascii: "/") {
      if mayTerminate { tokens.append(Token(kind: .terminator, start: start, end: start)) }
      skipLine()
      var end = offset
      while end > start, file.bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      comments.append(Comment(start: start, end: end, isLine: true))
      return checkText(from: start)
    }
    offset += 2
    var hasNewline = false
    while offset < file.bytes.count, !(peek(0) == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/")) {
      hasNewline = hasNewline || peek(0) == UInt8(ascii: "\n")
      offset += 1
    }
    if offset < file.bytes.count {
      offset += 2
    } else {
      report("comment not terminated", from: start, to: start + 2, hint: "close it with */")
    }
    if mayTerminate, hasNewline { tokens.append(Token(kind: .terminator, start: start, end: start)) }
    comments.append(Comment(start: start, end: offset, isLine: false))
    checkText(from: start)
  }

  private mutating func scanNumber() {
    let start = offset
    var isFloat = false
    skipDigits()
    if peek(0) == UInt8(ascii: ".") {
      isFloat = true
      offset += 1
      skipDigits()
    }
    if peek(0) == UInt8(ascii: "e") || peek(0) == UInt8(ascii: "E") {
      let signed = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
      isFloat = true
      offset += signed ? 2 : 1
      if !isDigitByte(peek(0)) { report("exponent has no digits", from: start) }
      skipDigits()
    }
    add(isFloat ? .float : .number, from: start)
  }

  private mutating func skipDigits() {
    while isDigitByte(peek(0)) { offset += 1 }
  }

  private mutating func scanRawString() {
    let start = offset
    offset += 1
    while offset < file.bytes.count, peek(0) != UInt8(ascii: "`") { offset += 1 }
    if offset < file.bytes.count {
      offset += 1
      checkText(from: start)
    } else {
      report("raw string literal not terminated", from: start, to: start + 1, hint: "close it with `")
    }
    add(.string, from: start)
  }

  private mutating func scanString() {
    let start = offset
    offset += 1
    while let byte = peek(0), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "\\") { scanEscape() } else { offset += 1 }
    }
    if peek(0) == UInt8(ascii: "\"") {
      offset += 1
    } else {
      report("string literal not terminated", from: start, hint: "close it with '\"', or use `…` for several lines")
    }
    checkText(from: start)
    add(.string, from: start)
  }

  /// `\n`, `\101`, `\x41`, `\u0041`, `\U00000041`
  private mutating func scanEscape() {
    let start = offset
    offset += 1
    let digits: Int
    let base: UInt32
    switch peek(0) {
    case let byte? where "abfnrtv\\\"".utf8.contains(byte):
      offset += 1
      return
    case let byte? where (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte): (digits, base) = (3, 8)
    case UInt8(ascii: "x"): (digits, base) = (2, 16)
    case UInt8(ascii: "u"): (digits, base) = (4, 16)
    case UInt8(ascii: "U"): (digits, base) = (8, 16)
    case nil, UInt8(ascii: "\n"): return  // the string is not terminated, which is said already
    default: return reportUnknownEscape(from: start)
    }
    if base == 16 { offset += 1 }
    let isByte = digits < 4
    var code: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = peek(0).flatMap({ hexValue($0) }), digit < base else {
        return report("illegal character in escape sequence", from: start, to: max(offset, start + 1))
      }
      code = code &* base &+ digit
      offset += 1
    }
    if isByte ? code > 255 : Unicode.Scalar(code) == nil {
      report("escape sequence is invalid Unicode code point", from: start)
    }
  }

  private mutating func reportUnknownEscape(from start: Int) {
    let isQuote = peek(0) == UInt8(ascii: "'")
    offset += scalar()?.utf8.count ?? 1
    let hint =
      isQuote
      ? "a single quote needs no backslash"
      : "write \\\\ for a backslash, or use a raw string `…`"
    report("unknown escape sequence", from: start, hint: hint)
  }

  /// Literals and comments may hold any text but NUL and what is not UTF-8.
  private mutating func checkText(from start: Int) {
    let text = file.bytes[start..<offset]
    if let nul = text.firstIndex(of: 0) { report("illegal character NUL", from: nul, to: nul + 1) }
    if let bad = firstInvalidUTF8(text) { report("illegal UTF-8 encoding", from: bad, to: bad + 1) }
  }

  // MARK: - Bytes

  private func peek(_ ahead: Int) -> UInt8? {
    offset + ahead < file.bytes.count ? file.bytes[offset + ahead] : nil
  }

  /// The code point at `offset`; nil for NUL, at the end and where the bytes are not UTF-8.
  private func scalar() -> Unicode.Scalar? {
    guard let byte = peek(0), byte != 0 else { return nil }
    if byte < 0x80 { return Unicode.Scalar(byte) }
    return decodeScalar(file.bytes[offset...])
  }

  private mutating func add(_ kind: Token.Kind, from start: Int) {
    tokens.append(Token(kind: kind, start: start, end: offset))
  }

  private mutating func report(_ message: String, from start: Int, to end: Int? = nil, hint: String? = nil) {
    // One token, a string, may have thousands.
    guard diagnostics.count < errorLimit else { return }
    let range = file.range(start, end ?? offset)
    diagnostics.append(Diagnostic(message, at: range, hint: hint))
  }
}

extension SourceFile {
  /// The stretch from `start` up to, not including, `end`.
  func range(_ start: Int, _ end: Int) -> SourceRange {
    SourceRange(start: position(at: start), end: position(at: max(start, end - 1)))
  }
}

private func isDigitByte(_ byte: UInt8?) -> Bool {
  guard let byte else { return false }
  return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
}

func hexValue(_ byte: UInt8) -> UInt32? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
  default: nil
  }
}

/// The code point that `bytes` begins with; nil where it is not UTF-8.
func decodeScalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
  var decoder = UTF8()
  var iterator = bytes.prefix(4).makeIterator()
  guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
  return scalar
}

private func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int? {
  var index = bytes.startIndex
  while index < bytes.endIndex {
    if bytes[index] < 0x80 {
      index += 1
    } else if let scalar = decodeScalar(bytes[index...]) {
      index += scalar.utf8.count
    } else {
      return index
    }
  }
  return nil
}
