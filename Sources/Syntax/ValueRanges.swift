// SPDX-License-Identifier: Apache-2.0

/// Where a value stands in the source and, where it was written out there, its elements and fields.
public struct ValueRanges: Sendable {
  /// The whole value.
  public var range: SourceRange
  /// Of an array, its elements.
  public var elements: [ValueRanges] = []
  /// Of an object, its fields.
  public var fields: [String: ValueRanges] = [:]

  /// The ranges of what `expression` comes to.
  public init(_ expression: Expression) {
    range = expression.range
    switch expression {
    case .array(let elements, _): self.elements = elements.map { ValueRanges($0) }
    case .object(let fields, _): for field in fields { self.fields[field.key] = ValueRanges(field.value) }
    case .parenthesized(let inner, _):
      self = ValueRanges(inner)
      range = expression.range
    default: break
    }
  }

  /// The range of what `path` leads to, as far as it is known.
  public func range(at path: [ConversionError.Step]) -> SourceRange {
    var current = self
    for step in path {
      switch step {
      case .index(let index) where index < current.elements.count: current = current.elements[index]
      case .key(let key):
        guard let field = current.fields[key] else { return current.range }
        current = field
      default: return current.range
      }
    }
    return current.range
  }
}
