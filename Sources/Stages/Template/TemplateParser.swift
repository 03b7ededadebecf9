// SPDX-License-Identifier: Apache-2.0

internal import RE2

/// Reads templates; names are looked up and patterns compiled here, so that what can be wrong is found at once.
struct TemplateParser {
  private let tokens: [TemplateToken]
  private var index = 0
  private var depth = 0
  /// The names of variables in scope; what comes later hides what came before.
  private var scope: [(name: String, number: Int)] = [("", 0)]
  private(set) var variableCount = 1
  /// The names asked of the data, as far as they can be told.
  private(set) var fieldNames: Set<[UInt8]> = []
  /// Whether the data is used as a whole.
  private(set) var usesAll = false
  /// Whether the dot is something else than the data: within `range` and `with`.
  private var isNested = false

  init(_ tokens: [TemplateToken]) { self.tokens = tokens }

  mutating func parse() throws(TemplateSyntaxError) -> [TemplateNode] {
    let (nodes, end) = try parseNodes()
    if let end { throw TemplateSyntaxError(end.offset, "{{\(end.word)}} without a beginning") }
    return nodes
  }

  /// Reads nodes up to the end, or an `else` or `end`, which has been read too.
  private mutating func parseNodes() throws(TemplateSyntaxError) -> ([TemplateNode], (word: String, offset: Int)?) {
    var nodes: [TemplateNode] = []
    while true {
      let token = take()
      switch token.kind {
      case .end: return (nodes, nil)
      case .text(let bytes): nodes.append(.text(bytes))
      default:
        if case .identifier(let word) = peek.kind, word == "end" || word == "else" {
          let offset = take().offset
          if word == "end" { try expectClose() }
          return (nodes, (word, offset))
        }
        nodes.append(try parseAction())
      }
    }
  }

  private mutating func parseAction() throws(TemplateSyntaxError) -> TemplateNode {
    guard case .identifier(let word) = peek.kind else { return try parseOutput() }
    let offset = peek.offset
    switch word {
    case "if", "with", "range":
      index += 1
      return try parseControl(word, at: offset)
    case "define", "template", "block", "break", "continue":
      throw TemplateSyntaxError(offset, "{{\(word)}} is not supported")
    default: return try parseOutput()
    }
  }

  private mutating func parseOutput() throws(TemplateSyntaxError) -> TemplateNode {
    let pipeline = try parsePipeline(isRange: false)
    try expectClose()
    return .output(pipeline)
  }

  private mutating func parseControl(_ word: String, at offset: Int) throws(TemplateSyntaxError) -> TemplateNode {
    guard depth < 64 else { throw TemplateSyntaxError(offset, "nested more than 64 levels deep") }
    depth += 1
    let scopeCount = scope.count
    let wasNested = isNested
    defer {
      depth -= 1
      scope.removeLast(scope.count - scopeCount)
      isNested = wasNested
    }
    let pipeline = try parsePipeline(isRange: word == "range")
    try expectClose()
    if word != "if" { isNested = true }
    let (then, end) = try parseNodes()
    isNested = wasNested
    guard let end else { throw TemplateSyntaxError(offset, "{{\(word)}} without {{end}}") }
    let otherwise = end.word == "else" ? try parseElse(of: word, at: offset) : []
    switch word {
    case "if": return .branch(pipeline, then: then, otherwise: otherwise)
    case "with": return .with(pipeline, then: then, otherwise: otherwise)
    default: return .range(pipeline, each: then, otherwise: otherwise)
    }
  }

  private mutating func parseElse(of word: String, at offset: Int) throws(TemplateSyntaxError) -> [TemplateNode] {
    if case .identifier(let next) = peek.kind, next == word, word != "range" {
      let start = take().offset
      return [try parseControl(word, at: start)]
    }
    try expectClose()
    let (nodes, end) = try parseNodes()
    guard let end else { throw TemplateSyntaxError(offset, "{{\(word)}} without {{end}}") }
    guard end.word == "end" else { throw TemplateSyntaxError(end.offset, "{{end}} is expected") }
    return nodes
  }

  private mutating func expectClose() throws(TemplateSyntaxError) {
    guard peek.kind == .close else { throw TemplateSyntaxError(peek.offset, "}} is expected") }
    index += 1
  }

  // MARK: Pipelines

  private mutating func parsePipeline(isRange: Bool) throws(TemplateSyntaxError) -> TemplatePipeline {
    guard depth < 64 else { throw TemplateSyntaxError(peek.offset, "nested more than 64 levels deep") }
    depth += 1
    defer { depth -= 1 }
    let declared = try parseDeclarations(isRange: isRange)
    var pipeline = TemplatePipeline()
    repeat {
      pipeline.operands.append(try parseCommand(isPiped: !pipeline.operands.isEmpty))
    } while takeIf(.pipe)
    // A variable is there for what follows, not for its own value.
    for name in declared.names {
      if declared.isNew {
        scope.append((name, variableCount))
        variableCount += 1
      }
      pipeline.variables.append(scope.last { $0.name == name }?.number ?? 0)
    }
    return pipeline
  }

  private mutating func parseDeclarations(
    isRange: Bool
  ) throws(TemplateSyntaxError) -> (names: [String], isNew: Bool) {
    let start = index
    var names: [String] = []
    while case .variable(let name) = peek.kind {
      let offset = take().offset
      names.append(name)
      if isRange, names.count == 1, takeIf(.comma) { continue }
      if takeIf(.declare) { return (names, true) }
      if takeIf(.assign) {
        for name in names where !scope.contains(where: { $0.name == name }) {
          throw TemplateSyntaxError(offset, "unknown variable $\(name)")
        }
        return (names, false)
      }
      break
    }
    index = start
    return ([], false)
  }

  private mutating func parseCommand(isPiped: Bool) throws(TemplateSyntaxError) -> TemplateOperand {
    let start = peek
    guard case .identifier(let name) = start.kind, !["true", "false", "nil"].contains(name) else {
      let operand = try parseOperand()
      if startsOperand(peek.kind) {
        throw TemplateSyntaxError(peek.offset, "only a function can have arguments")
      }
      if isPiped { throw TemplateSyntaxError(start.offset, "after | a function is expected") }
      return operand
    }
    index += 1
    var arguments: [TemplateOperand] = []
    while startsOperand(peek.kind) { arguments.append(try parseOperand()) }
    return try call(name, arguments, isPiped: isPiped, at: start.offset)
  }

  private mutating func parseOperand() throws(TemplateSyntaxError) -> TemplateOperand {
    let token = take()
    switch token.kind {
    case .dot:
      if !isNested { usesAll = true }
      return .dot
    case .field(let name):
      // Within `range` and `with` the dot may be anything, the data included.
      fieldNames.insert(name)
      return .field([name] + takeFields())
    case .variable(let name):
      guard let variable = scope.last(where: { $0.name == name }) else {
        throw TemplateSyntaxError(token.offset, "unknown variable $\(name)")
      }
      let fields = takeFields()
      if let first = fields.first { fieldNames.insert(first) } else if variable.number == 0 { usesAll = true }
      return .variable(variable.number, fields)
    case .string(let bytes): return .constant(.string(bytes))
    case .int(let number): return .constant(.int(number))
    case .float(let number): return .constant(.float(number))
    case .leftParenthesis:
      let pipeline = try parsePipeline(isRange: false)
      guard takeIf(.rightParenthesis) else { throw TemplateSyntaxError(peek.offset, ") is expected") }
      let fields = takeFields()
      return .nested(pipeline, fields)
    case .identifier("true"): return .constant(.bool(true))
    case .identifier("false"): return .constant(.bool(false))
    case .identifier("nil"): return .constant(.missing)
    case .identifier(let name): return try call(name, [], isPiped: false, at: token.offset)
    case .close, .end: throw TemplateSyntaxError(token.offset, "a value is expected")
    default: throw TemplateSyntaxError(token.offset, "this is not expected here")
    }
  }

  private mutating func takeFields() -> [[UInt8]] {
    var fields: [[UInt8]] = []
    while peek.isAttached, case .field(let name) = peek.kind {
      fields.append(name)
      index += 1
    }
    return fields
  }

  private func startsOperand(_ kind: TemplateToken.Kind) -> Bool {
    switch kind {
    case .dot, .field, .variable, .string, .int, .float, .leftParenthesis, .identifier: true
    default: false
    }
  }

  /// A call whose function exists and takes that many arguments.
  private func call(
    _ name: String, _ arguments: [TemplateOperand], isPiped: Bool, at offset: Int
  ) throws(TemplateSyntaxError) -> TemplateOperand {
    guard let function = templateFunctions[name] else {
      throw TemplateSyntaxError(offset, "the function \(name) is not supported")
    }
    let count = arguments.count + (isPiped ? 1 : 0)
    guard function.arity.contains(count) else {
      let (least, most) = (function.arity.lowerBound, function.arity.upperBound)
      let wanted = least == most ? "\(least)" : most > 99 ? "at least \(least)" : "\(least) to \(most)"
      throw TemplateSyntaxError(offset, "\(name) takes \(wanted) argument\(wanted == "1" ? "" : "s"), not \(count)")
    }
    return .call(function, arguments, try resource(of: function, arguments, at: offset))
  }

  private func resource(
    of function: TemplateFunction, _ arguments: [TemplateOperand], at offset: Int
  ) throws(TemplateSyntaxError) -> TemplateResource {
    switch function.resource {
    case .none: return .none
    case .pattern:
      guard case .constant(.string(let source)) = arguments.first else {
        throw TemplateSyntaxError(offset, "\(function.name) needs its regular expression written out in the template")
      }
      do throws(PatternError) { return .pattern(try Pattern(String(decoding: source, as: UTF8.self))) } catch {
        throw TemplateSyntaxError(offset, error.description)
      }
    case .zone:
      guard arguments.count == 3, case .constant(.string(let name)) = arguments[2] else {
        throw TemplateSyntaxError(offset, "\(function.name) needs its time zone written out in the template")
      }
      do throws(TimeZoneError) { return .zone(try TimeZone.named(String(decoding: name, as: UTF8.self))) } catch {
        throw TemplateSyntaxError(offset, "time zone \(error)")
      }
    }
  }

  private var peek: TemplateToken { tokens[index] }

  private mutating func take() -> TemplateToken {
    defer { if index + 1 < tokens.count { index += 1 } }
    return tokens[index]
  }

  private mutating func takeIf(_ kind: TemplateToken.Kind) -> Bool {
    guard peek.kind == kind else { return false }
    index += 1
    return true
  }
}
