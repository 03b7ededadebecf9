// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A number of any of the three kinds the language has.
enum Number: CustomStringConvertible {
  case int(Int64)
  case uint(UInt64)
  case float(Double)

  var asDouble: Double {
    switch self {
    case .int(let value): Double(value)
    case .uint(let value): Double(value)
    case .float(let value): value
    }
  }

  /// The bits as a signed number, a fraction cut off.
  var asInt64: Int64 {
    switch self {
    case .int(let value): value
    case .uint(let value): Int64(truncatingIfNeeded: value)
    case .float(let value): Int64(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : .min)
    }
  }

  var asUInt64: UInt64 {
    switch self {
    case .int(let value): UInt64(bitPattern: value)
    case .uint(let value): value
    case .float(let value): UInt64(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : 0)
    }
  }

  /// The number without its fraction, when it fits.
  var truncatedToInt: Int? {
    switch self {
    case .int(let value): Int(exactly: value)
    case .uint(let value): Int(exactly: value)
    case .float(let value): Int(exactly: value.rounded(.towardZero))
    }
  }

  var value: Value {
    switch self {
    case .int(let value): .int(value)
    case .uint(let value): .uint(value)
    case .float(let value): .float(value)
    }
  }

  /// Decimal text.
  var description: String {
    switch self {
    case .int(let value): String(value)
    case .uint(let value): String(value)
    case .float(let value): plainDecimal(value)
    }
  }
}

extension Value {
  /// The number this is.
  var number: Number? {
    switch self {
    case .int(let value): .int(value)
    case .uint(let value): .uint(value)
    case .float(let value): .float(value)
    default: nil
    }
  }
}

func apply(_ op: UnaryOperator, to value: Value, at range: SourceRange) throws(EvaluationError) -> Value {
  switch (op, value) {
  case (.not, .bool(let value)): return .bool(!value)
  case (.negate, .int(let value)): return .int(0 &- value)
  case (.negate, .uint(let value)): return .int(0 &- Int64(truncatingIfNeeded: value))
  case (.negate, .float(let value)): return .float(-value)
  default:
    throw EvaluationError(
      "\(value.brief) should be \(op == .not ? "bool" : "number"), got \(value.kind)", at: range)
  }
}

func apply(
  _ op: BinaryOperator, _ left: Value, _ leftRange: SourceRange, _ right: Value, _ rightRange: SourceRange
) throws(EvaluationError) -> Value {
  switch op {
  case .equal: return .bool(equal(left, right))
  case .notEqual: return .bool(!equal(left, right))
  case .or, .and:
    let leftBool = try bool(left, leftRange)
    let rightBool = try bool(right, rightRange)
    return .bool(op == .or ? leftBool || rightBool : leftBool && rightBool)
  case .less, .lessOrEqual, .greater, .greaterOrEqual: return try compare(op, left, leftRange, right, rightRange)
  case .add where left.text != nil: return try concatenate(left, right, rightRange)
  case .add where left.number == nil:
    throw EvaluationError("\(left.brief) should be one of [number string] for binop +, got \(left.kind)", at: leftRange)
  case .add, .subtract, .multiply, .divide, .remainder, .power:
    let leftNumber = try number(left, leftRange)
    return try calculate(op, leftNumber, number(right, rightRange), right, rightRange)
  }
}

/// The language's `==`: numbers across their kinds, everything else only within its kind, functions never.
func equal(_ left: Value, _ right: Value) -> Bool {
  if let leftNumber = left.number, let rightNumber = right.number { return compare(leftNumber, rightNumber) == 0 }
  switch (left, right) {
  case (.function, _), (_, .function): return false
  // Byte by byte: Swift's own `==` takes a letter with its accent apart for the same as one with it.
  case (.string(let leftText), .string(let rightText)): return leftText.utf8.elementsEqual(rightText.utf8)
  case (.array(let leftElements), .array(let rightElements)):
    return leftElements.count == rightElements.count && zip(leftElements, rightElements).allSatisfy { equal($0, $1) }
  case (.object(let leftFields), .object(let rightFields)):
    guard leftFields.count == rightFields.count else { return false }
    return leftFields.allSatisfy { key, value in rightFields[key].map { equal(value, $0) } ?? false }
  default: return left == right
  }
}

/// Negative, zero or positive, as the numbers stand to each other; nil when one is not a number.
private func compare(_ left: Number, _ right: Number) -> Int? {
  func order<T: Comparable>(_ left: T, _ right: T) -> Int { left < right ? -1 : left == right ? 0 : 1 }
  switch (left, right) {
  case (.float, _), (_, .float):
    if left.asDouble.isNaN || right.asDouble.isNaN { return nil }
    return order(left.asDouble, right.asDouble)
  case (.int, _), (_, .int): return order(left.asInt64, right.asInt64)
  case (.uint(let left), .uint(let right)): return order(left, right)
  }
}

private func compare(
  _ op: BinaryOperator, _ left: Value, _ leftRange: SourceRange, _ right: Value, _ rightRange: SourceRange
) throws(EvaluationError) -> Value {
  let order: Int?
  if case .string(let leftText) = left {
    guard case .string(let rightText) = right else { throw mismatch(right, "string", rightRange) }
    order =
      leftText.utf8.elementsEqual(rightText.utf8) ? 0 : leftText.utf8.lexicographicallyPrecedes(rightText.utf8) ? -1 : 1
  } else {
    let leftNumber = try number(left, leftRange, "one of [number string] for binop \(op.rawValue)")
    order = compare(leftNumber, try number(right, rightRange))
  }
  guard let order else { return .bool(false) }
  switch op {
  case .less: return .bool(order < 0)
  case .lessOrEqual: return .bool(order <= 0)
  case .greater: return .bool(order > 0)
  default: return .bool(order >= 0)
  }
}

private func concatenate(_ left: Value, _ right: Value, _ rightRange: SourceRange) throws(EvaluationError) -> Value {
  guard let leftText = left.text, let rightText = right.text else { throw mismatch(right, "string", rightRange) }
  guard leftText.utf8.count + rightText.utf8.count <= longestText else {
    throw EvaluationError("this makes more than \(longestText >> 20) MiB of text", at: rightRange)
  }
  if case .string = left, case .string = right { return .string(leftText + rightText) }
  return .secret(Secret(leftText + rightText))
}

private func calculate(
  _ op: BinaryOperator, _ left: Number, _ right: Number, _ rightValue: Value, _ rightRange: SourceRange
) throws(EvaluationError) -> Value {
  switch (left, right) {
  case (.float, _), (_, .float): return .float(calculate(op, left.asDouble, right.asDouble))
  default: break
  }
  if op == .divide || op == .remainder, right.asInt64 == 0 {
    throw EvaluationError("\(rightValue.brief) divide by zero error", at: rightRange)
  }
  switch (left, right) {
  case (.uint(let left), .uint(let right)): return .uint(calculate(op, left, right))
  default: return .int(calculate(op, left.asInt64, right.asInt64))
  }
}

private func calculate(_ op: BinaryOperator, _ left: Double, _ right: Double) -> Double {
  switch op {
  case .add: left + right
  case .subtract: left - right
  case .multiply: left * right
  case .divide: left / right
  case .remainder: fmod(left, right)
  default: pow(left, right)
  }
}

private func calculate<T: FixedWidthInteger>(_ op: BinaryOperator, _ left: T, _ right: T) -> T {
  switch op {
  case .add: left &+ right
  case .subtract: left &- right
  case .multiply: left &* right
  case .divide: left.dividedReportingOverflow(by: right).partialValue
  case .remainder: left.remainderReportingOverflow(dividingBy: right).partialValue
  default: power(left, right)
  }
}

/// `base` multiplied with itself, wrapping around; a negative exponent leaves it as it is, and so does 1.
private func power<T: FixedWidthInteger>(_ base: T, _ exponent: T) -> T {
  guard exponent >= 0 else { return base }
  var result: T = 1
  var square = base
  var rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result = result &* square }
    square = square &* square
    rest >>= 1
  }
  return result
}

private func bool(_ value: Value, _ range: SourceRange) throws(EvaluationError) -> Bool {
  guard case .bool(let bool) = value else { throw mismatch(value, "bool", range) }
  return bool
}

private func number(
  _ value: Value, _ range: SourceRange, _ expected: String = "number"
) throws(EvaluationError) -> Number {
  guard let number = value.number else { throw mismatch(value, expected, range) }
  return number
}

private func mismatch(_ value: Value, _ expected: String, _ range: SourceRange) -> EvaluationError {
  let mixesNumber = expected == "string" && value.number != nil
  return EvaluationError(
    "\(value.brief) should be \(expected), got \(value.kind)", at: range,
    hint: mixesNumber ? "string.format(\"%d\", …) makes text of a number" : nil)
}

extension Value {
  /// The text of a string or secret.
  fileprivate var text: String? {
    switch self {
    case .string(let text): text
    case .secret(let secret): secret.revealed
    default: nil
    }
  }
}
