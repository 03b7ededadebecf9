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
