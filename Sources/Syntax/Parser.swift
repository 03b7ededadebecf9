// SPDX-License-Identifier: Apache-2.0

/// The statements of `file` and what is wrong with it; where something is, the rest is parsed nevertheless.
public func parse(_ file: SourceFile) -> (body: Body, diagnostics: [Diagnostic]) {
  let parsed = parseWithTrivia(file)
  return (parsed.body, parsed.diagnostics)
}

/// What `parse` gives, and what the formatter needs besides.
func parseWithTrivia(_ file: SourceFile) -> (body: Body, diagnostics: [Diagnostic], comments: [Comment]) {
  let lexer = Lexer(file)
  var parser = Parser(file: file, tokens: lexer.tokens)
  let body = parser.parseFile()
  let all = (lexer.diagnostics + parser.diagnostics).enumerated().sorted { left, right in
    let leftOffset = left.element.range?.start.offset ?? 0
    let rightOffset = right.element.range?.start.offset ?? 0
    return leftOffset == rightOffset ? left.offset < right.offset : leftOffset < rightOffset
  }
  return (body, all.map(\.element), lexer.comments)
}

/// Recursive descent over the tokens.
///
/// After an error it skips to the end of the statement; a second error on the same line is not told.
struct Parser {
  let file: SourceFile
  let tokens: [Token]
  private(set) var diagnostics: [Diagnostic] = []
  var index = 0
  var depth = 0
  /// How deep the expression parsed last nests, its operands and chains included.
  var height = 0
  var lastErrorLine = -1
  /// Set by an error in an expression: the statement is given up.
  var failed = false

  init(file: SourceFile, tokens: [Token]) {
    self.file = file
    self.tokens = tokens
  }

  // MARK: - Statements

  mutating func parseFile() -> Body {
    var statements: [Statement] = []
    while true {
      statements += parseBody().statements
      if current.kind == .endOfFile { break }
      // A closing brace too many.
      report("expected identifier, got \(current.name)", hint: "there is no open block to close")
      advance()
      _ = accept(.terminator)
    }
    return Body(statements: statements)
  }

  mutating func parseBody() -> Body {
    var statements: [Statement] = []
    while true {
      while accept(.terminator) {}
      if current.kind == .endOfFile || at("}") { return Body(statements: statements) }
      failed = false
      if let statement = parseStatement() { statements.append(statement) }
      if failed { skipStatement() }
      if current.kind == .endOfFile || at("}") { return Body(statements: statements) }
      if !accept(.terminator), !failed {
        report("expected TERMINATOR, got \(current.name)", hint: terminatorHint)
        skipStatement()
      }
    }
  }

  var terminatorHint: String? {
    switch current.kind {
    case .identifier where index > 0 && tokens[index - 1].kind == .number && tokens[index - 1].end == current.start:
      "numbers are decimal, without prefixes or units; durations and sizes are strings, such as \"10s\""
    case .symbol(","): "statements end with their line; remove ','"
    default: "a statement ends with its line"
    }
  }

  mutating func parseStatement() -> Statement? {
    let start = current
    guard let name = parseName() else { return nil }
    var labelToken: Token?
    if current.kind == .string {
      labelToken = current
      advance()
    }
    if current.kind == .terminator, next.kind == .symbol("=") || next.kind == .symbol("{") {
      reportMissingBody(name, labelToken, hint: "'\(next.name)' belongs on this line")
      advance()
    }
    switch current.kind {
    case .symbol("="): return parseAttribute(start, name, labelToken)
    case .symbol("{"): return parseBlock(start, name, labelToken)
    default:
      reportMissingBody(name, labelToken)
      failed = true
      return nil
    }
  }

  mutating func reportMissingBody(_ name: [Identifier], _ label: Token?, hint: String? = nil) {
    let either = name.count == 1 && label == nil
    report("expected \(either ? "attribute assignment or " : "")block body, got \(current.name)", hint: hint)
  }

  mutating func parseName() -> [Identifier]? {
    var parts: [Identifier] = []
    repeat {
      guard current.kind == .identifier else {
        fail("expected identifier, got \(current.name)", hint: identifierHint)
        return nil
      }
      parts.append(identifier())
    } while acceptSymbol(".")
    return parts
  }

  var identifierHint: String? {
    switch current.kind {
    case .string: "names of attributes and blocks are not quoted"
    case .symbol("{"): "a block has a name before its '{'"
    case .bool, .null: "\"\(text(current))\" is a keyword"
    case .symbol(let symbol) where BinaryOperator(rawValue: symbol) != nil:
      "an operator ends its line, it does not begin the next"
    default: nil
    }
  }

  mutating func parseAttribute(_ start: Token, _ name: [Identifier], _ label: Token?) -> Statement? {
    if name.count > 1 {
      report("attribute names may only consist of a single identifier with no \".\"", at: span(start, before(current)))
    } else if let label {
      report("attribute names may not have labels", at: range(label))
    }
    advance()
    let value = parseExpression()
    let range = SourceRange(start: file.position(at: start.start), end: value.range.end)
    return .attribute(Attribute(name: name[0], value: value, range: range))
  }

  mutating func parseBlock(_ start: Token, _ name: [Identifier], _ labelToken: Token?) -> Statement? {
    let label = labelToken.flatMap { blockLabel($0) }
    let header = span(start, current)
    guard enter() else { return nil }
    defer { depth -= 1 }
    let open = current
    advance()
    let body = parseBody()
    let closed = at("}")
    if closed {
      advance()
    } else {
      fail(
        "expected }, got \(current.name)", hint: "the '{' of line \(file.position(at: open.start).line) is not closed")
    }
    let range = span(start, before(current))
    let block = Block(
      name: name, label: label, labelRange: labelToken.map { self.range($0) }, body: body, headerRange: header,
      range: range)
    if closed { failed = false }
    return .block(block)
  }

  mutating func blockLabel(_ token: Token) -> String? {
    let text = text(token)
    guard text.hasPrefix("\"") else {
      report(
        "expected block label to be a double quoted string, but got \(quoted(text))", at: range(token),
        hint: "use \"…\" for the label")
      return nil
    }
    let label = unquoted(file.bytes[token.start..<token.end])
    guard label.isEmpty || isIdentifier(label) && !["true", "false", "null"].contains(label) else {
      report(
        "expected block label to be a valid identifier, but got \(quoted(label))", at: range(token),
        hint:
          "only letters, digits and '_'\(label.contains("-") ? "; \"\(label.map { $0 == "-" ? "_" : "\($0)" }.joined())\" would do" : "")"
      )
      return nil
    }
    return label
  }

  // MARK: - Tokens

  var current: Token { tokens[index] }

  var next: Token { tokens[min(index + 1, tokens.count - 1)] }

  func at(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

  mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  mutating func accept(_ kind: Token.Kind) -> Bool {
    guard current.kind == kind else { return false }
    advance()
    return true
  }

  mutating func acceptSymbol(_ symbol: String) -> Bool { accept(.symbol(symbol)) }

  /// Takes the closing bracket of `open`.
  mutating func close(_ symbol: String, _ open: Token) -> Bool {
    if acceptSymbol(symbol) { return true }
    let message = "expected \(symbol), got \(current.name)"
    if current.kind == .terminator, next.kind == .symbol(symbol) {
      report(message, hint: "'\(symbol)' belongs on this line")
      advance()
      advance()
      return true
    }
    fail(message, hint: "the '\(open.name)' of line \(file.position(at: open.start).line) is not closed")
    return false
  }

  mutating func identifier() -> Identifier {
    let identifier = Identifier(name: text(current), range: range(current))
    advance()
    return identifier
  }

  func text(_ token: Token) -> String { String(decoding: file.bytes[token.start..<token.end], as: UTF8.self) }

  func range(_ token: Token) -> SourceRange { file.range(token.start, token.end) }

  /// From the beginning of one token to the end of another.
  func span(_ first: Token, _ last: Token) -> SourceRange { file.range(first.start, last.end) }

  /// The token before `token`, which is the current one.
  func before(_ token: Token) -> Token { index > 0 ? tokens[index - 1] : token }

  // MARK: - Errors

  mutating func enter() -> Bool {
    depth += 1
    if check(depth, nestingLimit) { return true }
    depth -= 1
    return false
  }

  mutating func check(_ depth: Int, _ limit: Int) -> Bool {
    if depth <= limit { return true }
    if !failed { fail("nested more than \(limit) levels deep", hint: "split the expression") }
    return false
  }

  mutating func fail(_ message: String, hint: String? = nil) {
    report(message, hint: hint)
    failed = true
  }

  mutating func report(
    _ message: String, at range: SourceRange? = nil, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    // What the lexer refused it has told; only of single quotes does Alloy tell twice.
    if current.kind == .illegal, range == nil, file.bytes[current.start] != UInt8(ascii: "'") { return }
    let range = range ?? self.range(current)
    let line = range.start.line
    defer { lastErrorLine = line }
    if line == lastErrorLine || diagnostics.count >= errorLimit { return }
    diagnostics.append(Diagnostic(severity, message, at: range, hint: hint))
  }

  /// Moves to the terminator or closing brace that ends the statement; what is in brackets belongs to it.
  mutating func skipStatement() {
    var open = 0
    while current.kind != .endOfFile {
      switch current.kind {
      case .symbol("{"), .symbol("["), .symbol("("): open += 1
      case .symbol("}") where open == 0: return
      case .symbol("}"), .symbol("]"), .symbol(")"): open = max(0, open - 1)
      case .terminator where open == 0: return
      default: break
      }
      advance()
    }
  }
}
