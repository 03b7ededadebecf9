// SPDX-License-Identifier: Apache-2.0

/// What an expression comes to.
public indirect enum Value: Sendable, Equatable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A number with a sign, or that fits one.
  case int(Int64)
  /// A number too large for a sign.
  case uint(UInt64)
  /// A number with a fraction or exponent.
  case float(Double)
  /// Text.
  case string(String)
  /// Text that is never shown.
  case secret(Secret)
  /// `[…]`
  case array([Value])
  /// `{…}`
  case object([String: Value])
  /// A function of the standard library.
  case function(Function)
  /// Something of a component's, handed on by reference.
  case capsule(Capsule)

  /// What messages call it.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "bool"
    case .int, .uint, .float: "number"
    case .string: "string"
    case .secret: "secret"
    case .array: "array"
    case .object: "object"
    case .function: "function"
    case .capsule: "capsule"
    }
  }
}

extension Value: CustomStringConvertible {
  /// The value as it would be written, objects sorted by key; secrets are `(secret)`.
  public var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .uint(let value): "\(value)"
    case .float(let value): plainDecimal(value)
    case .string(let value): quoted(value)
    case .secret(let value): value.description
    case .array(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .object(let fields):
      "{" + fields.sorted { $0.key < $1.key }.map { "\(fieldKey($0.key)) = \($0.value)" }.joined(separator: ", ") + "}"
    case .function(let function): "function(\(function.name))"
    case .capsule(let capsule): "capsule(\(quoted(capsule.kind)))"
    }
  }

  /// At most 60 characters of the description, for messages.
  var brief: String {
    let text = description
    return text.count <= 60 ? text : text.prefix(57) + "..."
  }
}

private func fieldKey(_ key: String) -> String {
  isIdentifier(key) ? key : "\"\(key)\""
}

/// Text that must not be shown: printing it gives `(secret)`, in every form.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The text itself, for whoever sends it where it belongs.
  public var revealed: String

  /// Hides `text`.
  public init(_ text: String) { revealed = text }

  /// `(secret)`
  public var description: String { "(secret)" }
  /// `(secret)`
  public var debugDescription: String { "(secret)" }
  /// Shows no members, so that `dump` tells nothing either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Something of a component's that other components use but the language does not look into.
public struct Capsule: Sendable, Equatable {
  /// What it is, such as `MetricsReceiver`.
  public let kind: String
  /// The thing.
  public let object: any AnyObject & Sendable

  /// Wraps `object`.
  public init(kind: String, object: any AnyObject & Sendable) {
    self.kind = kind
    self.object = object
  }

  /// Equal when they hold the same object.
  public static func == (left: Capsule, right: Capsule) -> Bool {
    left.kind == right.kind && left.object === right.object
  }
}

/// A function of the standard library.
public struct Function: Sendable, Equatable {
  /// Its name with dots.
  public let name: String
  /// Whether using it deserves a warning.
  let deprecated: Bool
  let call: @Sendable ([Value], Scope) throws(ConversionError) -> Value

  init(
    _ name: String, deprecated: Bool = false,
    _ call: @escaping @Sendable ([Value], Scope) throws(ConversionError) -> Value
  ) {
    self.name = name
    self.deprecated = deprecated
    self.call = call
  }

  /// Equal by name. (In the language itself functions are never equal.)
  public static func == (left: Function, right: Function) -> Bool { left.name == right.name }
}

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
