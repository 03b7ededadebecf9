// SPDX-License-Identifier: Apache-2.0

/// A traversal made of identifiers alone, such as `prometheus.remote_write.hub.receiver`.
public struct Reference: Sendable, Hashable {
  /// The identifiers.
  public let path: [String]
  /// From the first to the last.
  public let range: SourceRange

  /// The path with its dots.
  public var name: String { path.joined(separator: ".") }
}

/// What `body` refers to outside the standard library, in file order.
public func references(in body: Body) -> [Reference] {
  body.statements.flatMap { statement in
    switch statement {
    case .attribute(let attribute): references(in: attribute.value)
    case .block(let block): references(in: block.body)
    }
  }
}

/// What `expression` refers to outside the standard library, in file order.
public func references(in expression: Expression) -> [Reference] {
  if let path = expression.path {
    guard !isStandardLibraryName(path[0].name) else { return [] }
    return [Reference(path: path.map(\.name), range: expression.range)]
  }
  switch expression {
  case .literal, .identifier, .invalid: return []
  case .array(let elements, _): return elements.flatMap { references(in: $0) }
  case .object(let fields, _): return fields.flatMap { references(in: $0.value) }
  case .access(let inner, _), .unary(_, let inner, _), .parenthesized(let inner, _): return references(in: inner)
  case .index(let left, let right, _), .binary(_, let left, let right):
    return references(in: left) + references(in: right)
  case .call(let function, let arguments, _):
    return references(in: function) + arguments.flatMap { references(in: $0) }
  }
}
