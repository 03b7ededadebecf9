// SPDX-License-Identifier: Apache-2.0

/// A block with the values its attributes had in a scope.
///
/// Equality ignores where things stand in the source, so a component whose text merely moved has not changed.
public struct EvaluatedBlock: Sendable, Equatable {
  /// The name with its dots.
  public var name: String
  /// The label, when there is one that is not empty.
  public var label: String?
  /// In file order.
  public var attributes: [EvaluatedAttribute]
  /// In file order.
  public var blocks: [EvaluatedBlock]
  /// From the name to `{`.
  public var headerRange: SourceRange
  /// The name with its dots.
  public var nameRange: SourceRange
  /// From the name to `}`.
  public var range: SourceRange

  /// The attribute called `name`.
  public func attribute(_ name: String) -> EvaluatedAttribute? { attributes.first { $0.name == name } }

  /// Equal but for positions.
  public static func == (left: EvaluatedBlock, right: EvaluatedBlock) -> Bool {
    left.name == right.name && left.label == right.label && left.attributes == right.attributes
      && left.blocks == right.blocks
  }
}

/// An attribute with the value it had in a scope.
public struct EvaluatedAttribute: Sendable, Equatable {
  /// What was set.
  public var name: String
  /// What it was set to; nil when that failed, which a diagnostic has told already.
  public var value: Value?
  /// Where the name stands.
  public var nameRange: SourceRange
  /// From the name to the end of the value.
  public var range: SourceRange
  /// Where the value and its elements stand.
  public var ranges: ValueRanges

  /// Where the value stands.
  public var valueRange: SourceRange { ranges.range }

  /// Equal but for positions.
  public static func == (left: EvaluatedAttribute, right: EvaluatedAttribute) -> Bool {
    left.name == right.name && left.value == right.value
  }
}

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

/// The values of a block's attributes in `scope`, and of the blocks within it, with what is wrong about them.
public func evaluate(_ block: Block, in scope: Scope) -> (block: EvaluatedBlock, diagnostics: [Diagnostic]) {
  var evaluation = BlockEvaluation(scope: scope)
  let evaluated = evaluation.evaluate(block)
  return (evaluated, evaluation.diagnostics)
}

private struct BlockEvaluation {
  let scope: Scope
  var diagnostics: [Diagnostic] = []

  mutating func evaluate(_ block: Block) -> EvaluatedBlock {
    var result = EvaluatedBlock(
      name: block.fullName, label: block.label?.isEmpty == false ? block.label : nil, attributes: [], blocks: [],
      headerRange: block.headerRange, nameRange: block.nameRange, range: block.range)
    for statement in block.body.statements {
      switch statement {
      case .attribute(let attribute):
        if result.attribute(attribute.name.name) != nil {
          let message = "attribute \"\(attribute.name.name)\" may only be provided once"
          diagnostics.append(Diagnostic(message, at: attribute.range, hint: "remove one of them"))
        } else {
          result.attributes.append(evaluate(attribute))
        }
      case .block(let inner): result.blocks.append(evaluate(inner))
      }
    }
    return result
  }

  mutating func evaluate(_ attribute: Attribute) -> EvaluatedAttribute {
    diagnostics += deprecations(in: attribute.value, scope: scope)
    var value: Value?
    do throws(EvaluationError) {
      value = try Syntax.evaluate(attribute.value, in: scope)
    } catch {
      diagnostics.append(error.diagnostic)
    }
    return EvaluatedAttribute(
      name: attribute.name.name, value: value, nameRange: attribute.name.range, range: attribute.range,
      ranges: ValueRanges(attribute.value))
  }
}
