// SPDX-License-Identifier: Apache-2.0

/// The statements of a file or block, in order.
public struct Body: Sendable {
  /// The statements.
  public var statements: [Statement]

  /// A body of these statements.
  public init(statements: [Statement] = []) { self.statements = statements }

  /// The attributes among the statements.
  public var attributes: [Attribute] {
    statements.compactMap { if case .attribute(let attribute) = $0 { attribute } else { nil } }
  }

  /// The blocks among the statements.
  public var blocks: [Block] { statements.compactMap { if case .block(let block) = $0 { block } else { nil } } }
}

/// One statement.
public indirect enum Statement: Sendable {
  /// `name = value`
  case attribute(Attribute)
  /// `name "label" { … }`
  case block(Block)

  /// The whole statement.
  public var range: SourceRange {
    switch self {
    case .attribute(let attribute): attribute.range
    case .block(let block): block.range
    }
  }
}

/// A name and where it stands.
public struct Identifier: Sendable, Hashable {
  /// The name.
  public let name: String
  /// Where it stands.
  public let range: SourceRange
}

/// `name = value`
public struct Attribute: Sendable {
  /// What is set.
  public let name: Identifier
  /// What it is set to.
  public let value: Expression
  /// From the name to the end of the value.
  public let range: SourceRange
}

/// `first.second "label" { … }`
public struct Block: Sendable {
  /// The parts of the dotted name.
  public let name: [Identifier]
  /// The label; an empty one is none.
  public let label: String?
  /// The label with its quotes.
  public let labelRange: SourceRange?
  /// What is between the braces.
  public let body: Body
  /// From the name to `{`: what is underlined when the block as a whole is wrong.
  public let headerRange: SourceRange
  /// From the name to `}`.
  public let range: SourceRange

  /// The name with its dots.
  public var fullName: String { name.map(\.name).joined(separator: ".") }
  /// The name with its dots.
  public var nameRange: SourceRange {
    SourceRange(start: name.first?.range.start ?? range.start, end: name.last?.range.end ?? range.end)
  }
}

/// `key = value` within an object.
public struct Field: Sendable {
  /// The key without quotes; what is between quotes is taken as it is, escapes and all.
  public let key: String
  /// The key with its quotes.
  public let keyRange: SourceRange
  /// What it is set to.
  public let value: Expression
}

/// What stands for a value.
public indirect enum Expression: Sendable {
  /// `1`, `"text"`, `true`, `null`
  case literal(Value, SourceRange)
  /// `name`
  case identifier(Identifier)
  /// `[a, b]`
  case array([Expression], SourceRange)
  /// `{a = 1}`
  case object([Field], SourceRange)
  /// `base.name`
  case access(Expression, Identifier)
  /// `base[index]`, up to `]`
  case index(Expression, Expression, SourceRange)
  /// `function(arguments)`, up to `)`
  case call(Expression, [Expression], SourceRange)
  /// `-operand`
  case unary(UnaryOperator, Expression, SourceRange)
  /// `left + right`
  case binary(BinaryOperator, Expression, Expression)
  /// `(inner)`
  case parenthesized(Expression, SourceRange)
  /// What could not be parsed; a diagnostic says why.
  case invalid(SourceRange)

  /// Where it stands.
  public var range: SourceRange {
    switch self {
    case .literal(_, let range), .array(_, let range), .object(_, let range), .index(_, _, let range),
      .call(_, _, let range), .unary(_, _, let range), .parenthesized(_, let range), .invalid(let range):
      range
    case .identifier(let identifier): identifier.range
    case .access(let base, let name): SourceRange(start: base.start, end: name.range.end)
    case .binary(_, let left, let right): SourceRange(start: left.start, end: right.range.end)
    }
  }

  private var start: SourcePosition {
    var expression = self
    while true {
      switch expression {
      case .access(let base, _): expression = base
      case .binary(_, let left, _): expression = left
      default: return expression.range.start
      }
    }
  }

  /// The names of `a.b.c`; nil for anything else.
  var path: [Identifier]? {
    var names: [Identifier] = []
    var expression = self
    while true {
      switch expression {
      case .access(let base, let name):
        names.append(name)
        expression = base
      case .identifier(let name): return names.reversed().reduce(into: [name]) { $0.append($1) }
      default: return nil
      }
    }
  }
}

/// An operator before its operand.
public enum UnaryOperator: String, Sendable {
  /// `!`
  case not = "!"
  /// `-`
  case negate = "-"
}

/// An operator between its operands.
public enum BinaryOperator: String, Sendable {
  /// `||`
  case or = "||"
  /// `&&`
  case and = "&&"
  /// `==`
  case equal = "=="
  /// `!=`
  case notEqual = "!="
  /// `<`
  case less = "<"
  /// `<=`
  case lessOrEqual = "<="
  /// `>`
  case greater = ">"
  /// `>=`
  case greaterOrEqual = ">="
  /// `+`
  case add = "+"
  /// `-`
  case subtract = "-"
  /// `*`
  case multiply = "*"
  /// `/`
  case divide = "/"
  /// `%`
  case remainder = "%"
  /// `^`
  case power = "^"

  /// A higher one binds tighter.
  var precedence: Int {
    switch self {
    case .or: 1
    case .and: 2
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: 3
    case .add, .subtract: 4
    case .multiply, .divide, .remainder: 5
    case .power: 6
    }
  }
}
