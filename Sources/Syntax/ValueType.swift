// SPDX-License-Identifier: Apache-2.0

/// How a value becomes a `T`.
///
/// `null` becomes `empty` before `convert` is asked.
public struct ValueType<T: Sendable>: Sendable {
  /// What messages call it.
  public let name: String
  /// What stands in for a missing, null or wrong value.
  public let empty: T
  /// The conversion of anything but null.
  public let convert: @Sendable (Value) throws(ConversionError) -> T

  /// A type of a module's own.
  public init(
    _ name: String, empty: T, convert: @escaping @Sendable (Value) throws(ConversionError) -> T
  ) {
    self.name = name
    self.empty = empty
    self.convert = convert
  }

  /// The value as a `T`, null included.
  public func callAsFunction(_ value: Value) throws(ConversionError) -> T {
    value == .null ? empty : try convert(value)
  }

  /// This type with a further step; `transform` throws what is wrong about the value.
  public func then<U: Sendable>(
    empty: U, _ transform: @escaping @Sendable (T) throws(ConversionError) -> U
  ) -> ValueType<U> {
    let convert = convert
    return ValueType<U>(name, empty: empty) { value throws(ConversionError) in try transform(convert(value)) }
  }
}

extension ValueType where T == String {
  /// Text; numbers become decimal text.
  public static var string: ValueType<String> {
    ValueType("string", empty: "") { value throws(ConversionError) in
      switch value {
      case .string(let text): return text
      case .secret:
        throw ConversionError(
          "secrets may not be converted into strings", hint: "convert.nonsensitive(…) makes it plain text")
      default:
        guard let number = value.number else { throw .expected("string", got: value) }
        return number.description
      }
    }
  }

  /// One of `cases`, spelled exactly.
  public static func oneOf(_ cases: [String]) -> ValueType<String> {
    ValueType.string.then(empty: cases.first ?? "") { text throws(ConversionError) in
      guard cases.contains(text) else {
        let listed = cases.filter { !$0.isEmpty }.map { "\"\($0)\"" }.joined(separator: ", ")
        throw ConversionError(
          "\(quoted(text)) is not one of \(listed)", hint: suggestion(for: text, among: cases))
      }
      return text
    }
  }
}

extension ValueType where T == Bool {
  /// `true` or `false`; nothing is converted to it.
  public static var bool: ValueType<Bool> {
    ValueType("bool", empty: false) { value throws(ConversionError) in
      guard case .bool(let bool) = value else { throw .expected("bool", got: value) }
      return bool
    }
  }
}

extension ValueType where T == Int {
  /// A whole number; a fraction is cut off.
  public static var int: ValueType<Int> {
    ValueType("number", empty: 0) { value throws(ConversionError) in
      guard let int = try number(from: value).truncatedToInt else {
        throw ConversionError("\(value.brief) does not fit a 64-bit number")
      }
      return int
    }
  }

  /// A number of bytes: `"10MiB"`, or a plain number.
  public static var byteSize: ValueType<Int> {
    ValueType("byte size", empty: 0) { value throws(ConversionError) in
      let size: Int?
      switch value {
      case .string(let text): size = parseByteSize(text)
      default:
        guard let number = value.number else { throw .expected("string", got: value) }
        size = number.truncatedToInt
      }
      guard let size, size >= 0 else {
        throw ConversionError("\(value.brief) is not a byte size", hint: "write a number and a unit, such as \"10MiB\"")
      }
      return size
    }
  }
}

extension ValueType where T == UInt {
  /// A whole number that is not negative; a fraction is cut off.
  public static var uint: ValueType<UInt> {
    ValueType("number", empty: 0) { value throws(ConversionError) in
      let number = try number(from: value)
      if case .uint(let large) = number { return UInt(large) }
      guard let int = number.truncatedToInt, int >= 0 else {
        throw ConversionError("\(value.brief) must not be negative")
      }
      return UInt(int)
    }
  }
}

extension ValueType where T == Double {
  /// A number.
  public static var double: ValueType<Double> {
    ValueType("number", empty: 0) { value throws(ConversionError) in try number(from: value).asDouble }
  }
}

extension ValueType where T == Duration {
  /// A time such as `"1h30m"`.
  public static var duration: ValueType<Duration> {
    ValueType("duration", empty: .zero) { value throws(ConversionError) in
      guard case .string(let text) = value else {
        let hint = value.number.map { "write a string with a unit, such as \"\($0)s\"" }
        throw .expected("duration", got: value, hint: hint)
      }
      do throws(DurationError) {
        return try parseDuration(text)
      } catch {
        throw ConversionError(error.description, hint: error.hint)
      }
    }
  }
}

extension ValueType where T == Secret {
  /// Text that is hidden from now on.
  public static var secret: ValueType<Secret> {
    ValueType("secret", empty: Secret("")) { value throws(ConversionError) in
      switch value {
      case .secret(let secret): return secret
      case .string(let text): return Secret(text)
      default: throw .expected("secret", got: value)
      }
    }
  }

  /// Text or secret; the same as `secret`, for attributes that Alloy declares so.
  public static var optionalSecret: ValueType<Secret> { .secret }
}

extension ValueType where T == Value {
  /// Anything.
  public static var any: ValueType<Value> { ValueType("any", empty: .null) { value in value } }
}

extension ValueType {
  /// An array of `element`; a single value does not become one.
  public static func list<Element>(of element: ValueType<Element>) -> ValueType<[Element]> where T == [Element] {
    ValueType<[Element]>("list(\(element.name))", empty: []) { value throws(ConversionError) in
      guard case .array(let values) = value else {
        let hint = value.kind == "capsule" || value.kind == "string" ? "wrap it in brackets: […]" : nil
        throw .expected("array", got: value, hint: hint)
      }
      var result: [Element] = []
      result.reserveCapacity(values.count)
      for (index, value) in values.enumerated() {
        do throws(ConversionError) {
          result.append(try element(value))
        } catch {
          throw error.inside(.index(index))
        }
      }
      return result
    }
  }

  /// An object whose fields are `element`.
  public static func map<Element>(of element: ValueType<Element>) -> ValueType<[String: Element]>
  where T == [String: Element] {
    ValueType<[String: Element]>("map(\(element.name))", empty: [:]) { value throws(ConversionError) in
      guard case .object(let fields) = value else { throw .expected("object", got: value) }
      var result: [String: Element] = [:]
      for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
        do throws(ConversionError) {
          result[key] = try element(value)
        } catch {
          throw error.inside(.key(key))
        }
      }
      return result
    }
  }
}

extension ValueType where T == [[String: String]] {
  /// Targets: an array of objects whose members become text.
  public static var targets: ValueType<[[String: String]]> { .list(of: .target) }
}

extension ValueType where T == [String: String] {
  /// One target: members that are not strings are written out; nested values and secrets are refused.
  public static var target: ValueType<[String: String]> {
    ValueType("target", empty: [:]) { value throws(ConversionError) in
      guard case .object(let fields) = value else {
        throw ConversionError("target::ConvertFrom: conversion from '\(goTypeName(value))' is not supported")
      }
      var result: [String: String] = [:]
      for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
        do throws(ConversionError) {
          result[key] = try label(from: value)
        } catch {
          throw error.inside(.key(key))
        }
      }
      return result
    }
  }

  private static func label(from value: Value) throws(ConversionError) -> String {
    switch value {
    case .string(let text): return text
    case .bool(let bool): return "\(bool)"
    case .int, .uint, .float: return sprintf("%v", [value])
    case .null: return ""
    case .secret: return try ValueType<String>.string(value)
    case .array, .object, .function, .capsule: throw .expected("string", got: value)
    }
  }
}

extension ValueType where T == (any AnyObject & Sendable)? {
  /// What a component exports for others to use, such as a `MetricsReceiver`.
  public static func capsule(kind: String) -> ValueType<(any AnyObject & Sendable)?> {
    ValueType("capsule(\"\(kind)\")", empty: nil) { value throws(ConversionError) in
      guard case .capsule(let capsule) = value else { throw .expected("capsule", got: value) }
      guard capsule.kind == kind else {
        throw ConversionError("expected capsule(\"\(kind)\"), got capsule(\"\(capsule.kind)\")")
      }
      return capsule.object
    }
  }
}

/// The number `value` is or, being text, spells.
private func number(from value: Value) throws(ConversionError) -> Number {
  if let number = value.number { return number }
  guard case .string(let text) = value else { throw .expected("number", got: value) }
  guard let number = numberFromText(text) else {
    throw ConversionError("\(value.brief) should be number, got string")
  }
  return number
}

func numberFromText(_ text: String) -> Number? {
  if text.hasPrefix("-"), let int = Int64(text) { return .int(int) }
  if text.contains(where: { ".eE".contains($0) }) {
    guard text.utf8.allSatisfy({ $0 < 0x80 }), !text.hasPrefix("+"), let float = Double(text), float.isFinite
    else { return nil }
    return .float(float)
  }
  guard text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true else { return nil }
  return UInt64(text).map { .uint($0) }
}

private func goTypeName(_ value: Value) -> String {
  switch value {
  case .null: "nil"
  case .bool: "bool"
  case .int: "int64"
  case .uint: "uint64"
  case .float: "float64"
  case .string: "string"
  case .secret: "alloytypes.Secret"
  case .array: "[]interface {}"
  case .object: "map[string]interface {}"
  case .function: "func"
  case .capsule(let capsule): capsule.kind
  }
}
