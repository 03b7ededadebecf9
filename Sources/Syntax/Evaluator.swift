// SPDX-License-Identifier: Apache-2.0

/// An expression that has no value.
public struct EvaluationError: Error, Sendable, Equatable {
  /// What is wrong.
  public var message: String
  /// The operand at fault.
  public var range: SourceRange
  /// The known fix.
  public var hint: String?

  /// What is wrong at `range`.
  public init(_ message: String, at range: SourceRange, hint: String? = nil) {
    self.message = message
    self.range = range
    self.hint = hint
  }

  /// The error as a diagnostic.
  public var diagnostic: Diagnostic { Diagnostic(message, at: range, hint: hint) }
}

/// What `expression` comes to in `scope`.
public func evaluate(_ expression: Expression, in scope: Scope) throws(EvaluationError) -> Value {
  switch expression {
  case .literal(let value, _): return value
  case .invalid(let range): throw EvaluationError("this is not an expression", at: range)
  case .parenthesized(let inner, _): return try evaluate(inner, in: scope)
  case .identifier(let name): return try resolve([name], in: scope)
  case .array(let elements, _): return try .array(evaluate(elements, in: scope))
  case .object(let fields, _): return try evaluate(fields, in: scope)
  case .access(let base, let name): return try evaluateAccess(expression, base, name, in: scope)
  case .index(let base, let index, _):
    let left = try evaluate(base, in: scope)
    return try element(of: left, at: evaluate(index, in: scope), base: base, index: index)
  case .call(let function, let arguments, _): return try evaluateCall(function, arguments, expression, in: scope)
  case .unary(let op, let operand, _): return try apply(op, to: evaluate(operand, in: scope), at: operand.range)
  case .binary(let op, let left, let right):
    let leftValue = try evaluate(left, in: scope)
    return try apply(op, leftValue, left.range, evaluate(right, in: scope), right.range)
  }
}

private func evaluate(_ elements: [Expression], in scope: Scope) throws(EvaluationError) -> [Value] {
  var values: [Value] = []
  values.reserveCapacity(elements.count)
  for element in elements { values.append(try evaluate(element, in: scope)) }
  return values
}

private func evaluate(_ fields: [Field], in scope: Scope) throws(EvaluationError) -> Value {
  var values: [String: Value] = [:]
  for field in fields { values[field.key] = try evaluate(field.value, in: scope) }
  return .object(values)
}

private func evaluateAccess(
  _ expression: Expression, _ base: Expression, _ name: Identifier, in scope: Scope
) throws(EvaluationError) -> Value {
  if let path = expression.path { return try resolve(path, in: scope) }
  return try field(name, of: evaluate(base, in: scope), at: expression.range)
}

private func resolve(_ path: [Identifier], in scope: Scope) throws(EvaluationError) -> Value {
  guard let (found, parts) = scope.lookUp(path.map(\.name)) else {
    let name = path.map(\.name).joined(separator: ".")
    throw EvaluationError(
      "component \"\(name)\" does not exist or is out of scope", at: range(of: path[...]),
      hint: scope.suggestion(for: path.map(\.name)))
  }
  var value = found
  for index in parts..<path.count { value = try field(path[index], of: value, at: range(of: path[...index])) }
  return value
}

private func range(of path: ArraySlice<Identifier>) -> SourceRange {
  SourceRange(start: path[path.startIndex].range.start, end: path[path.endIndex - 1].range.end)
}

private func field(_ name: Identifier, of value: Value, at range: SourceRange) throws(EvaluationError) -> Value {
  guard case .object(let fields) = value else {
    throw EvaluationError("cannot access field \"\(name.name)\" on value of type \(value.kind)", at: range)
  }
  guard let field = fields[name.name] else {
    throw EvaluationError(
      "field \"\(name.name)\" does not exist", at: range, hint: suggestion(for: name.name, among: Array(fields.keys)))
  }
  return field
}

private func element(
  of value: Value, at index: Value, base: Expression, index indexExpression: Expression
) throws(EvaluationError) -> Value {
  switch value {
  case .array(let elements):
    guard let number = index.number else {
      throw EvaluationError("\(index.brief) should be number, got \(index.kind)", at: indexExpression.range)
    }
    guard let position = number.truncatedToInt, position >= 0, position < elements.count else {
      throw EvaluationError(
        "\(index.brief) index \(number) is out of range of array with length \(elements.count)",
        at: indexExpression.range)
    }
    return elements[position]
  case .object(let fields):
    guard case .string(let key) = index else {
      throw EvaluationError("\(index.brief) should be string, got \(index.kind)", at: indexExpression.range)
    }
    return fields[key] ?? .null
  default:
    throw EvaluationError("\(value.brief) should be array or object, got \(value.kind)", at: base.range)
  }
}

private func evaluateCall(
  _ callee: Expression, _ arguments: [Expression], _ call: Expression, in scope: Scope
) throws(EvaluationError) -> Value {
  let value = try evaluate(callee, in: scope)
  guard case .function(let function) = value else {
    throw EvaluationError("\(value.brief) should be function, got \(value.kind)", at: callee.range)
  }
  let values = try evaluate(arguments, in: scope)
  do throws(ConversionError) {
    return try function.call(values, scope)
  } catch {
    throw EvaluationError(error.message, at: argumentRange(error.path, arguments, call), hint: error.hint)
  }
}

private func argumentRange(
  _ path: [ConversionError.Step], _ arguments: [Expression], _ call: Expression
) -> SourceRange {
  guard case .index(let index)? = path.first, index < arguments.count else { return call.range }
  return ValueRanges(arguments[index]).range(at: Array(path.dropFirst()))
}

/// A warning for each use of a function that has a better name by now.
func deprecations(in expression: Expression, scope: Scope) -> [Diagnostic] {
  switch expression {
  case .literal, .invalid: return []
  case .identifier(let name):
    guard case .function(let function)? = scope.lookUp([name.name])?.value, function.deprecated else { return [] }
    let message = """
      this stdlib function is deprecated; please refer to the documentation for updated usage and alternatives
      """
    return [Diagnostic(.warning, message, at: name.range, hint: "write \(function.name)")]
  case .access(let base, _): return expression.path == nil ? deprecations(in: base, scope: scope) : []
  case .array(let elements, _): return elements.flatMap { deprecations(in: $0, scope: scope) }
  case .object(let fields, _): return fields.flatMap { deprecations(in: $0.value, scope: scope) }
  case .unary(_, let inner, _), .parenthesized(let inner, _): return deprecations(in: inner, scope: scope)
  case .index(let left, let right, _), .binary(_, let left, let right):
    return deprecations(in: left, scope: scope) + deprecations(in: right, scope: scope)
  case .call(let function, let arguments, _):
    return deprecations(in: function, scope: scope) + arguments.flatMap { deprecations(in: $0, scope: scope) }
  }
}

extension Scope {
  /// What the component meant by `path` may be called.
  func suggestion(for path: [String]) -> String? {
    for parts in stride(from: path.count, through: 1, by: -1) {
      let name = path[..<parts].joined(separator: ".")
      if let closest = closestName(to: name, among: exports.keys.filter { $0.contains(".") == name.contains(".") }) {
        return "did you mean \"\(([closest] + path[parts...]).joined(separator: "."))\"?"
      }
    }
    guard let closest = closestName(to: path[0], among: StandardLibrary.currentNames) else { return nil }
    return "did you mean \"\(([closest] + path.dropFirst()).joined(separator: "."))\"?"
  }
}
