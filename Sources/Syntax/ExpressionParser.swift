// SPDX-License-Identifier: Apache-2.0

extension Parser {
  mutating func parseExpression() -> Expression { parseBinary(minimum: 1) }

  mutating func parseBinary(minimum: Int) -> Expression {
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

  mutating func parseUnary() -> Expression {
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

  mutating func parsePostfix() -> Expression {
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

  var accessHint: String? {
    switch current.kind {
    case .number, .string: "use brackets, as in a[0] or a[\"name\"]"
    case .bool, .null: "\"\(text(current))\" is a keyword; use brackets, as in a[\"\(text(current))\"]"
    default: nil
    }
  }

  mutating func parsePrimary() -> Expression {
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

  var expressionHint: String? {
    switch current.kind {
    case .endOfFile, .symbol("}"):
      index > 0 && tokens[index - 1].kind == .symbol("=") ? "a value is missing after '='" : nil
    default: nil
    }
  }

  mutating func literal(_ value: Value) -> Expression {
    let token = current
    advance()
    return .literal(value, range(token))
  }

  mutating func parseBracketed(_ open: Token) -> Expression {
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

  mutating func parseExpressionList(until end: String) -> [Expression] {
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

  mutating func parseFields() -> [Field] {
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
      guard !failed, separator(fieldList, until: "}") else { break }
    }
    return fields
  }

  /// Whether a field begins at token `index`.
  func isField(at index: Int) -> Bool {
    let kind = tokens[index].kind
    return (kind == .identifier || kind == .string) && tokens[min(index + 1, tokens.count - 1)].kind == .symbol("=")
  }

  /// A quoted key without its quotes and otherwise as it is; Alloy leaves an empty one its quotes.
  func fieldKey(_ text: String) -> String { text.utf8.count > 2 ? String(text.dropFirst().dropLast()) : text }

  /// Takes the comma between elements; false when the list ends or is broken.
  mutating func separator(_ list: String, until end: String) -> Bool {
    if acceptSymbol(",") { return true }
    if at(end) || current.kind == .endOfFile { return false }
    if current.kind == .terminator, index + 1 < tokens.count, tokens[index + 1].kind == .endOfFile {
      advance()
      return false
    }
    if list == fieldList, current.kind == .terminator, isField(at: index + 1) || tokens[index + 1].kind == .symbol(end)
    {
      report(
        "missing ',' in \(list); the end of the line is taken for it",
        hint: "add ',' here: Alloy refuses the file without it", severity: .warning)
      advance()
      return true
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

  func isBlock(after name: Identifier) -> Bool {
    var next = index
    while tokens[next].kind == .symbol("."), tokens[next + 1].kind == .identifier { next += 2 }
    if tokens[next].kind == .string { next += 1 }
    return tokens[next].kind == .symbol("{")
  }

  mutating func skipBlock(_ name: Identifier) -> Expression {
    let start = before(current)
    while !at("{") { advance() }
    report(
      "cannot use a block as an expression", at: span(start, before(current)),
      hint: "a block is written without '='")
    skipBraces()
    return .invalid(span(start, before(current)))
  }

  /// Moves past `{` and the `}` that belongs to it.
  mutating func skipBraces() {
    var open = 0
    repeat {
      if at("{") { open += 1 } else if at("}") { open -= 1 }
      advance()
    } while open > 0 && current.kind != .endOfFile
  }
}

private let fieldList = "field list"
