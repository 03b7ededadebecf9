// SPDX-License-Identifier: Apache-2.0

internal import RE2

// What a template is made of once it has been read.

/// One piece of a template.
indirect enum TemplateNode: Sendable {
  case text([UInt8])
  case output(TemplatePipeline)
  case branch(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
  case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
  case range(TemplatePipeline, each: [TemplateNode], otherwise: [TemplateNode])
}

/// `$x := a | b c`: what the last operand, given the one before it, comes to.
struct TemplatePipeline: Sendable {
  /// The numbers of the variables it sets.
  var variables: [Int] = []
  /// Operands; each but the first gets the value of the one before as its last argument.
  var operands: [TemplateOperand] = []
}

indirect enum TemplateOperand: Sendable {
  case constant(TemplateValue)
  case dot
  /// `.a.b`
  case field([[UInt8]])
  /// `$x.a`; number 0 is `$`.
  case variable(Int, [[UInt8]])
  /// `(…).a`
  case nested(TemplatePipeline, [[UInt8]])
  case call(TemplateFunction, [TemplateOperand], TemplateResource)
}

/// What a call has ready because it was in the template.
enum TemplateResource: Sendable {
  case none
  case pattern(Pattern)
  case zone(TimeZone)
}

/// A function that templates can call.
struct TemplateFunction: Sendable {
  var name: String
  var arity: ClosedRange<Int>
  var resource = Resource.none
  var body: @Sendable ([TemplateValue], TemplateResource) throws -> TemplateValue

  /// What argument has to stand in the template itself.
  enum Resource: Sendable {
    case none
    /// The first: a regular expression.
    case pattern
    /// The third: a time zone.
    case zone
  }
}

/// A value no function could do anything with; the template then yields nothing.
struct TemplateFailure: Error, Equatable {
  var reason: String

  init(_ reason: String) { self.reason = reason }
}

/// A template that is wrong, or uses what we do not have.
public struct TemplateError: Error, Equatable, CustomStringConvertible {
  /// The line of the template at fault, counted from 1.
  public var line: Int
  /// The byte of that line, counted from 1.
  public var column: Int
  /// What is wrong there.
  public var reason: String

  /// One line for the operator.
  public var description: String { "template, line \(line), column \(column): \(reason)" }
}
