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
  private var index = 0
  private var depth = 0
  /// How deep the expression parsed last nests, its operands and chains included.
  private var height = 0
  private var lastErrorLine = -1
  /// Set by an error in an expression: the statement is given up.
  private var failed = false

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

  private mutating func parseBody() -> Body {
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

  private var terminatorHint: String? {
    switch current.kind {
    case .identifier where index > 0 && tokens[index - 1].kind == .number && tokens[index - 1].end == current.start:
      "numbers are decimal, without prefixes or units; durations and sizes are strings, such as \"10s\""
    case .symbol(","): "statements end with their line; remove ','"
    default: "a statement ends with its line"
    }
  }

  private mutating func parseStatement() -> Statement? {
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

  private mutating func reportMissingBody(_ name: [Identifier], _ label: Token?, hint: String? = nil) {
    let either = name.count == 1 && label == nil
    report("expected \(either ? "attribute assignment or " : "")block body, got \(current.name)", hint: hint)
  }

  private mutating func parseName() -> [Identifier]? {
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

  private var identifierHint: String? {
    switch current.kind {
    case .string: "names of attributes and blocks are not quoted"
    case .symbol("{"): "a block has a name before its '{'"
    case .bool, .null: "\"\(text(current))\" is a keyword"
    case .symbol(let symbol) where BinaryOperator(rawValue: symbol) != nil:
      "an operator ends its line, it does not begin the next"
    default: nil
    }
  }

  private mutating func parseAttribute(_ start: Token, _ name: [Identifier], _ label: Token?) -> Statement? {
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

  private mutating func parseBlock(_ start: Token, _ name: [Identifier], _ labelToken: Token?) -> Statement? {
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

  private mutating func blockLabel(_ token: Token) -> String? {
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

  // MARK: - Expressions

  private mutating func parseExpression() -> Expression { parseBinary(minimum: 1) }

  private mutating func parseBinary(minimum: Int) -> Expression {
    var left = parseUnary()
    var leftHeight = height
    while !failed, case .symbol(let symbol) = current.kind, let op = BinaryOperator(rawValue: symbol),
      op.precedence >= minimum
    {
      advance()
      guard enter() else { return left }
      // `^` takes what follows into its right operand.
      let right = parseBinary(minimum: op == .power ? op.precedence : op.precedence + 1)
      depth -= 1
      left = .binary(op, left, right)
      leftHeight = max(leftHeight, height) + 1
      guard check(leftHeight, heightLimit) else { return left }
    }
    height = leftHeight
    return left
  }

  private mutating func parseUnary() -> Expression {
    guard case .symbol(let symbol) = current.kind, let op = UnaryOperator(rawValue: symbol) else {
      return parsePostfix()
    }
    let start = current
    guard enter() else { return .invalid(range(start)) }
    defer { depth -= 1 }
    advance()
    let operand = parseUnary()
    height += 1
    return .unary(op, operand, SourceRange(start: file.position(at: start.start), end: operand.range.end))
  }

  private mutating func parsePostfix() -> Expression {
    var base = parsePrimary()
    var baseHeight = height
    while !failed, case .symbol(let symbol) = current.kind {
      switch symbol {
      case ".":
        advance()
        guard current.kind == .identifier else {
          fail("expected identifier, got \(current.name)", hint: accessHint)
          return base
        }
        base = .access(base, identifier())
      case "[":
        let open = current
        advance()
        guard enter() else { return base }
        let index = parseExpression()
        depth -= 1
        baseHeight = max(baseHeight, height)
        guard !failed, close("]", open) else { return base }
        base = .index(base, index, SourceRange(start: base.range.start, end: range(tokens[self.index - 1]).end))
      case "(":
        let open = current
        advance()
        guard enter() else { return base }
        let arguments = parseExpressionList(until: ")")
        depth -= 1
        baseHeight = max(baseHeight, height)
        guard !failed, close(")", open) else { return base }
        base = .call(base, arguments, SourceRange(start: base.range.start, end: range(tokens[self.index - 1]).end))
      default:
        height = baseHeight
        return base
      }
      baseHeight += 1
      guard check(baseHeight, heightLimit) else { return base }
    }
    height = baseHeight
    return base
  }

  private var accessHint: String? {
    switch current.kind {
    case .number, .string: "use brackets, as in a[0] or a[\"name\"]"
    case .bool, .null: "\"\(text(current))\" is a keyword; use brackets, as in a[\"\(text(current))\"]"
    default: nil
    }
  }

  private mutating func parsePrimary() -> Expression {
    let token = current
    let range = range(token)
    height = 1
    switch token.kind {
    case .number: return literal(numberLiteral(text(token)))
    case .float: return literal(floatLiteral(text(token)))
    case .string: return literal(.string(unquoted(file.bytes[token.start..<token.end])))
    case .bool: return literal(.bool(text(token) == "true"))
    case .null: return literal(.null)
    case .identifier:
      let name = identifier()
      return isBlock(after: name) ? skipBlock(name) : .identifier(name)
    case .symbol("("), .symbol("["), .symbol("{"):
      guard enter() else { return .invalid(range) }
      defer { depth -= 1 }
      return parseBracketed(token)
    default:
      fail("expected expression, got \(token.name)", hint: expressionHint)
      return .invalid(range)
    }
  }

  private var expressionHint: String? {
    switch current.kind {
    case .endOfFile, .symbol("}"):
      index > 0 && tokens[index - 1].kind == .symbol("=") ? "a value is missing after '='" : nil
    default: nil
    }
  }

  private mutating func literal(_ value: Value) -> Expression {
    let token = current
    advance()
    return .literal(value, range(token))
  }

  private mutating func parseBracketed(_ open: Token) -> Expression {
    advance()
    let expression: Expression
    switch open.kind {
    case .symbol("("):
      let inner = parseExpression()
      guard !failed, close(")", open) else { return .invalid(range(open)) }
      expression = .parenthesized(inner, span(open, before(current)))
    case .symbol("["):
      let elements = parseExpressionList(until: "]")
      guard !failed, close("]", open) else { return .invalid(range(open)) }
      expression = .array(elements, span(open, tokens[index - 1]))
    default:
      let fields = parseFields()
      guard !failed, close("}", open) else { return .invalid(range(open)) }
      expression = .object(fields, span(open, tokens[index - 1]))
    }
    height += 1
    return expression
  }

  private mutating func parseExpressionList(until end: String) -> [Expression] {
    var elements: [Expression] = []
    var highest = 0
    defer { height = highest }
    while !at(end), current.kind != .endOfFile {
      elements.append(parseExpression())
      highest = max(highest, height)
      guard !failed, separator("expression list", until: end) else { break }
    }
    return elements
  }

  private mutating func parseFields() -> [Field] {
    var fields: [Field] = []
    var highest = 0
    defer { height = highest }
    while !at("}"), current.kind != .endOfFile {
      guard current.kind == .identifier || current.kind == .string else {
        fail("expected field name (string or identifier), got \(current.name)")
        break
      }
      let token = current
      let key = token.kind == .string ? fieldKey(text(token)) : text(token)
      advance()
      guard at("=") else {
        fail("expected =, got \(current.name)", hint: "fields are written key = value")
        break
      }
      advance()
      fields.append(Field(key: key, keyRange: range(token), value: parseExpression()))
      highest = max(highest, height)
      guard !failed, separator("field list", until: "}") else { break }
    }
    return fields
  }

  /// A quoted key without its quotes and otherwise as it is; Alloy leaves an empty one its quotes.
  private func fieldKey(_ text: String) -> String { text.utf8.count > 2 ? String(text.dropFirst().dropLast()) : text }

  /// Takes the comma between elements; false when the list ends or is broken.
  private mutating func separator(_ list: String, until end: String) -> Bool {
    if acceptSymbol(",") { return true }
    if at(end) || current.kind == .endOfFile { return false }
    if current.kind == .terminator, index + 1 < tokens.count, tokens[index + 1].kind == .endOfFile {
      advance()
      return false
    }
    report("missing ',' in \(list)", hint: "add ',' here")
    // As if it were there: what follows on other lines may be wrong too.
    if current.kind == .terminator {
      advance()
      return true
    }
    failed = true
    return false
  }

  // MARK: - A block where a value belongs

  private func isBlock(after name: Identifier) -> Bool {
    var next = index
    while tokens[next].kind == .symbol("."), tokens[next + 1].kind == .identifier { next += 2 }
    if tokens[next].kind == .string { next += 1 }
    return tokens[next].kind == .symbol("{")
  }

  private mutating func skipBlock(_ name: Identifier) -> Expression {
    let start = before(current)
    while !at("{") { advance() }
    report(
      "cannot use a block as an expression", at: span(start, before(current)),
      hint: "a block is written without '='")
    skipBraces()
    return .invalid(span(start, before(current)))
  }

  /// Moves past `{` and the `}` that belongs to it.
  private mutating func skipBraces() {
    var open = 0
    repeat {
      if at("{") { open += 1 } else if at("}") { open -= 1 }
      advance()
    } while open > 0 && current.kind != .endOfFile
  }

  // MARK: - Tokens

  private var current: Token { tokens[index] }

  private var next: Token { tokens[min(index + 1, tokens.count - 1)] }

  private func at(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

  private mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  private mutating func accept(_ kind: Token.Kind) -> Bool {
    guard current.kind == kind else { return false }
    advance()
    return true
  }

  private mutating func acceptSymbol(_ symbol: String) -> Bool { accept(.symbol(symbol)) }

  /// Takes the closing bracket of `open`.
  private mutating func close(_ symbol: String, _ open: Token) -> Bool {
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

  private mutating func identifier() -> Identifier {
    let identifier = Identifier(name: text(current), range: range(current))
    advance()
    return identifier
  }

  private func text(_ token: Token) -> String { String(decoding: file.bytes[token.start..<token.end], as: UTF8.self) }

  private func range(_ token: Token) -> SourceRange { file.range(token.start, token.end) }

  /// From the beginning of one token to the end of another.
  private func span(_ first: Token, _ last: Token) -> SourceRange { file.range(first.start, last.end) }

  /// The token before `token`, which is the current one.
  private func before(_ token: Token) -> Token { index > 0 ? tokens[index - 1] : token }

  // MARK: - Errors

  private mutating func enter() -> Bool {
    depth += 1
    if check(depth, nestingLimit) { return true }
    depth -= 1
    return false
  }

  private mutating func check(_ depth: Int, _ limit: Int) -> Bool {
    if depth <= limit { return true }
    if !failed { fail("nested more than \(limit) levels deep", hint: "split the expression") }
    return false
  }

  private mutating func fail(_ message: String, hint: String? = nil) {
    report(message, hint: hint)
    failed = true
  }

  private mutating func report(_ message: String, at range: SourceRange? = nil, hint: String? = nil) {
    // What the lexer refused it has told; only of single quotes does Alloy tell twice.
    if current.kind == .illegal, range == nil, file.bytes[current.start] != UInt8(ascii: "'") { return }
    let range = range ?? self.range(current)
    let line = range.start.line
    defer { lastErrorLine = line }
    if line == lastErrorLine { return }
    diagnostics.append(Diagnostic(message, at: range, hint: hint))
  }

  /// Moves to the terminator or closing brace that ends the statement; what is in brackets belongs to it.
  private mutating func skipStatement() {
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
