// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A template in the language of Go's `text/template`, as far as logs need it, compiled once.
///
/// There are text, pipelines, variables, `if`, `with` and `range`, and the functions of ``templateFunctions``.
public struct GoTemplate: Sendable {
  /// More than any label or line should get from a template.
  static let outputLimit = 256 << 10

  private let nodes: [TemplateNode]
  private let variableCount: Int
  /// The names the template asks for; those it asks for by ``usesAll`` not counted.
  let fieldNames: [[UInt8]]
  /// Whether it may ask for any name there is.
  let usesAll: Bool

  /// Compiles `source`.
  public init(_ source: String) throws(TemplateError) {
    let bytes = Array(source.utf8)
    do throws(TemplateSyntaxError) {
      guard bytes.count <= 64 << 10 else { throw TemplateSyntaxError(0, "longer than 64 KiB") }
      var lexer = TemplateLexer(bytes)
      var parser = TemplateParser(try lexer.read())
      nodes = try parser.parse()
      variableCount = parser.variableCount
      fieldNames = parser.fieldNames.sorted { $0.lexicographicallyPrecedes($1) }
      usesAll = parser.usesAll
    } catch {
      let before = bytes.prefix(error.offset)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      throw TemplateError(line: line, column: before.count - lineStart + 1, reason: error.reason)
    }
  }

  /// Appends what the template makes of `fields`. False, and something appended, when that fails: a function got what it
  /// has no use for, or it got too long.
  func execute(_ fields: TemplateFields, into output: inout [UInt8]) -> Bool {
    var execution = TemplateExecution(fields: fields, variableCount: variableCount, limit: Self.outputLimit)
    do {
      try execution.run(nodes, dot: nil, into: &output)
      return true
    } catch {
      return false
    }
  }
}

/// What a template is applied to.
struct TemplateFields: Sendable {
  private var pairs: [(key: [UInt8], value: [UInt8])] = []

  init() {}

  mutating func removeAll() { pairs.removeAll(keepingCapacity: true) }

  mutating func set(_ key: [UInt8], to value: [UInt8]) {
    if let index = pairs.firstIndex(where: { $0.key == key }) {
      pairs[index].value = value
    } else {
      pairs.append((key, value))
    }
  }

  func value(_ key: [UInt8]) -> TemplateValue? { pairs.first { $0.key == key }.map { .string($0.value) } }

  /// All of them as one value.
  var map: TemplateValue {
    .map(pairs.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { (key: $0.key, value: .string($0.value)) })
  }
}

/// A run of a template: bounded in steps, and in the size of everything it makes.
private struct TemplateExecution {
  private let fields: TemplateFields
  private var variables: [TemplateValue]
  private let limit: Int
  private var steps = 100_000

  init(fields: TemplateFields, variableCount: Int, limit: Int) {
    self.fields = fields
    self.limit = limit
    variables = Array(repeating: .missing, count: variableCount)
  }

  /// `dot` is nil where the dot is the data itself.
  mutating func run(
    _ nodes: [TemplateNode], dot: TemplateValue?, into output: inout [UInt8]
  ) throws {
    for node in nodes {
      try step()
      switch node {
      case .text(let bytes): output.append(contentsOf: bytes)
      case .output(let pipeline):
        let value = try evaluate(pipeline, dot)
        guard pipeline.variables.isEmpty else { continue }
        if case .missing = value { output.append(contentsOf: "<no value>".utf8) } else { value.append(to: &output) }
      case .branch(let pipeline, let then, let otherwise):
        try run(try evaluate(pipeline, dot).isTrue ? then : otherwise, dot: dot, into: &output)
      case .with(let pipeline, let then, let otherwise):
        let value = try evaluate(pipeline, dot)
        if value.isTrue {
          try run(then, dot: value, into: &output)
        } else {
          try run(otherwise, dot: dot, into: &output)
        }
      case .range(let pipeline, let each, let otherwise):
        try repeatEach(pipeline, each, otherwise, dot, into: &output)
      }
      guard output.count <= limit else { throw TemplateFailure("more than \(limit) bytes") }
    }
  }

  private mutating func repeatEach(
    _ pipeline: TemplatePipeline, _ each: [TemplateNode], _ otherwise: [TemplateNode], _ dot: TemplateValue?,
    into output: inout [UInt8]
  ) throws {
    var source = pipeline
    source.variables = []
    let elements: [(TemplateValue, TemplateValue)]
    switch try evaluate(source, dot) {
    case .list(let values): elements = values.enumerated().map { (.int($0), $1) }
    case .map(let pairs): elements = pairs.map { (.string($0.key), $0.value) }
    case .int(let count) where count <= 10_000: elements = (0..<max(0, count)).map { (.int($0), .int($0)) }
    case .missing: elements = []
    case let value: throw TemplateFailure("range over \(value.typeName)")
    }
    if elements.isEmpty { return try run(otherwise, dot: dot, into: &output) }
    for (key, value) in elements {
      try step()
      if let last = pipeline.variables.last { variables[last] = value }
      if pipeline.variables.count == 2 { variables[pipeline.variables[0]] = key }
      try run(each, dot: value, into: &output)
    }
  }

  private mutating func evaluate(
    _ pipeline: TemplatePipeline, _ dot: TemplateValue?
  ) throws -> TemplateValue {
    var value: TemplateValue?
    for operand in pipeline.operands { value = try evaluate(operand, dot, piped: value) }
    let result = value ?? .missing
    for variable in pipeline.variables { variables[variable] = result }
    return result
  }

  private mutating func evaluate(
    _ operand: TemplateOperand, _ dot: TemplateValue?, piped: TemplateValue? = nil
  ) throws -> TemplateValue {
    try step()
    switch operand {
    case .constant(let value): return value
    case .dot: return dot ?? fields.map
    case .field(let names): return try follow(names, from: dot)
    case .variable(0, let names): return names.isEmpty ? fields.map : try follow(names, from: nil)
    case .variable(let number, let names): return try follow(names, from: variables[number])
    case .nested(let pipeline, let names): return try follow(names, from: try evaluate(pipeline, dot))
    case .call(let function, let arguments, let resource):
      return try call(function, arguments, resource, dot, piped: piped)
    }
  }

  private func follow(_ names: [[UInt8]], from start: TemplateValue?) throws -> TemplateValue {
    var names = names[...]
    var value = start
    if value == nil {
      guard let name = names.popFirst() else { return fields.map }
      value = fields.value(name) ?? .missing
    }
    for name in names {
      switch value {
      case .map: value = value?.member(name) ?? .missing
      case .missing: return .missing
      default:
        throw TemplateFailure("\(String(decoding: name, as: UTF8.self)) of \(value?.typeName ?? "")")
      }
    }
    return value ?? .missing
  }

  private mutating func call(
    _ function: TemplateFunction, _ operands: [TemplateOperand], _ resource: TemplateResource, _ dot: TemplateValue?,
    piped: TemplateValue?
  ) throws -> TemplateValue {
    var arguments: [TemplateValue] = []
    // `and` and `or` stop where the answer is known, and give the value that decided.
    let decides: Bool? = function.name == "and" ? false : function.name == "or" ? true : nil
    for operand in operands {
      let value = try evaluate(operand, dot)
      if value.isTrue == decides { return value }
      arguments.append(value)
    }
    if let piped { arguments.append(piped) }
    if decides != nil { return arguments.last ?? .missing }
    let result = try function.body(arguments, resource)
    guard result.size <= limit else { throw TemplateFailure("\(function.name) makes more than \(limit) bytes") }
    return result
  }

  private mutating func step() throws {
    steps -= 1
    if steps < 0 { throw TemplateFailure("too many steps") }
  }
}
