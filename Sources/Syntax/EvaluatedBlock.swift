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
