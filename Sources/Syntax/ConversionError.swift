// SPDX-License-Identifier: Apache-2.0

/// A value that cannot become what is asked for.
public struct ConversionError: Error, Sendable, Equatable {
  /// A step from a value to one inside it.
  public enum Step: Sendable, Equatable {
    /// An element of an array, or an argument of a call.
    case index(Int)
    /// A field of an object.
    case key(String)
  }

  /// What is wrong, such as `expected string, got bool`.
  public var message: String
  /// The way from the value given to the one at fault.
  public var path: [Step]
  /// The known fix.
  public var hint: String?

  /// A failure at `path` within the value.
  public init(_ message: String, path: [Step] = [], hint: String? = nil) {
    self.message = message
    self.path = path
    self.hint = hint
  }

  /// The same failure, seen from the value that holds this one at `step`.
  public func inside(_ step: Step) -> ConversionError { ConversionError(message, path: [step] + path, hint: hint) }

  /// `expected string, got bool`
  public static func expected(_ type: String, got value: Value, hint: String? = nil) -> ConversionError {
    ConversionError("expected \(type), got \(value.kind)", hint: hint)
  }
}
