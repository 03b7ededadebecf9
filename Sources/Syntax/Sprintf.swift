// SPDX-License-Identifier: Apache-2.0

/// What Go's `fmt.Sprintf` makes of `format`; verbs that do not fit show as `%!d(string=x)` rather than failing.
func sprintf(_ format: String, _ arguments: [Value]) -> String {
  var formatter = GoFormatter(arguments: arguments)
  formatter.run(Array(format.unicodeScalars))
  return formatter.result
}

/// Widths and precisions above it are refused, as in Go.
private let widest = 1_000_000

private struct GoFormatter {
  let arguments: [Value]
  var result = ""
  private var next = 0
  private var reordered = false

  init(arguments: [Value]) { self.arguments = arguments }

  mutating func run(_ format: [Unicode.Scalar]) {
    var index = 0
    while index < format.count, result.utf8.count < longestText {
      let literal = format[index...].prefix { $0 != "%" }
      result.unicodeScalars.append(contentsOf: literal)
      index += literal.count
      guard index < format.count else { break }
      index += 1
      verb(format, &index)
    }
    if !reordered, next < arguments.count {
      let extra = arguments[next...].map { "\(goType($0))=\(plain($0))" }.joined(separator: ", ")
      result += "%!(EXTRA \(extra))"
    }
  }

  private mutating func verb(_ format: [Unicode.Scalar], _ index: inout Int) {
    var spec = Specification()
    reordered = false
    var badIndex = false
    while index < format.count, spec.take(flag: format[index]) { index += 1 }
    takeArgumentNumber(format, &index, &badIndex)
    if index < format.count, format[index] == "*" {
      index += 1
      spec.width = star(badIndex, "WIDTH")
      if let width = spec.width, width < 0 {
        spec.minus = true
        spec.width = -width
      }
    } else {
      spec.width = number(format, &index)
    }
    if index < format.count, format[index] == "." {
      index += 1
      takeArgumentNumber(format, &index, &badIndex)
      if index < format.count, format[index] == "*" {
        index += 1
        spec.precision = star(badIndex, "PREC")
        if let precision = spec.precision, precision < 0 { spec.precision = nil }
      } else {
        spec.precision = number(format, &index) ?? 0
      }
    }
    takeArgumentNumber(format, &index, &badIndex)
    guard index < format.count else {
      result += "%!(NOVERB)"
      return
    }
    let verb = format[index]
    index += 1
    if verb == "%" {
      result += "%"
    } else if badIndex {
      result += "%!\(verb)(BADINDEX)"
    } else if next >= arguments.count {
      result += "%!\(verb)(MISSING)"
    } else {
      let argument = arguments[next]
      next += 1
      result += render(argument, verb, spec)
    }
  }

  private func number(_ format: [Unicode.Scalar], _ index: inout Int) -> Int? {
    var value: Int?
    while index < format.count, ("0"..."9").contains(format[index]) {
      value = (value ?? 0) * 10 + Int(format[index].value - 0x30)
      index += 1
      if let value, value > widest {
        // As in Go, nothing that follows is a verb then.
        index = format.count
        return nil
      }
    }
    return value
  }

  private mutating func star(_ badIndex: Bool, _ what: String) -> Int? {
    guard !badIndex, next < arguments.count, case .int(let value) = arguments[next], value.magnitude <= widest else {
      result += "%!(BAD\(what))"
      next += 1
      return nil
    }
    next += 1
    return Int(value)
  }

  /// `[2]`
  private mutating func takeArgumentNumber(_ format: [Unicode.Scalar], _ index: inout Int, _ badIndex: inout Bool) {
    guard index < format.count, format[index] == "[" else { return }
    reordered = true
    guard let end = format[index...].firstIndex(of: "]") else {
      badIndex = true
      index += 1
      return
    }
    var digits = String.UnicodeScalarView()
    digits.append(contentsOf: format[(index + 1)..<end])
    index = end + 1
    guard let number = Int(String(digits)), number >= 1, number <= arguments.count else {
      badIndex = true
      return
    }
    next = number - 1
  }
}

/// What stands between `%` and the verb.
private struct Specification {
  var minus = false
  var plus = false
  var sharp = false
  var space = false
  var zero = false
  var width: Int?
  var precision: Int?

  mutating func take(flag: Unicode.Scalar) -> Bool {
    switch flag {
    case "-": minus = true
    case "+": plus = true
    case "#": sharp = true
    case " ": space = true
    case "0": zero = true
    default: return false
    }
    return true
  }

  /// For many values at once; a million of them a million wide would fill memory.
  var narrowed: Specification {
    var narrow = self
    narrow.width = width.map { min($0, 1000) }
    narrow.precision = precision.map { min($0, 1000) }
    return narrow
  }

  func padded(_ text: String, numeric: Bool = false) -> String {
    let missing = (width ?? 0) - text.unicodeScalars.count
    guard missing > 0 else { return text }
    if minus { return text + String(repeating: " ", count: missing) }
    guard zero else { return String(repeating: " ", count: missing) + text }
    let sign = numeric && text.first.map { "+- ".contains($0) } == true ? String(text.prefix(1)) : ""
    return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
  }
}

private func render(_ value: Value, _ verb: Unicode.Scalar, _ spec: Specification) -> String {
  switch (verb, value) {
  case ("T", _): return spec.padded(goType(value))
  case (_, .array(let elements)):
    let spec = spec.narrowed
    return "[" + elements.map { render($0, verb, spec) }.joined(separator: " ") + "]"
  case (_, .object(let fields)):
    let spec = spec.narrowed
    let sorted = fields.sorted { $0.key < $1.key }
    return "map["
      + sorted.map { render(.string($0.key), verb, spec) + ":" + render($0.value, verb, spec) }
      .joined(separator: " ") + "]"
  case ("v", .bool), ("t", .bool): return spec.padded(plain(value))
  case (_, .string(let text)): return renderText(text, value, verb, spec)
  case ("v", .secret), ("s", .secret): return spec.padded("(secret)")
  case (_, .int(let number)): return renderInteger(number < 0, number.magnitude, value, verb, spec)
  case (_, .uint(let number)): return renderInteger(false, number, value, verb, spec)
  case (_, .float(let number)): return renderFloat(number, value, verb, spec)
  case ("v", .null): return spec.padded("<nil>")
  case ("v", _): return spec.padded(plain(value))
  default: return mismatch(verb, value)
  }
}

private func renderText(_ text: String, _ value: Value, _ verb: Unicode.Scalar, _ spec: Specification) -> String {
  var cut = text
  if let precision = spec.precision { cut = String(String.UnicodeScalarView(text.unicodeScalars.prefix(precision))) }
  switch verb {
  case "v" where spec.sharp: return spec.padded(quoted(cut))
  case "v", "s": return spec.padded(cut)
  case "q": return spec.padded(spec.sharp && !cut.contains("`") ? "`\(cut)`" : quoted(cut))
  case "x", "X":
    let bytes = text.utf8.prefix(spec.precision ?? .max)
    let separator = spec.space ? " " : ""
    let digits = bytes.map { byte in
      let pair = String(byte, radix: 16, uppercase: verb == "X")
      return byte < 16 ? "0" + pair : pair
    }
    return spec.padded((spec.sharp && !text.isEmpty ? "0\(verb)" : "") + digits.joined(separator: separator))
  default: return mismatch(verb, value)
  }
}

private func renderInteger(
  _ negative: Bool, _ magnitude: UInt64, _ value: Value, _ verb: Unicode.Scalar, _ spec: Specification
) -> String {
  let sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : ""
  let digits: String
  let prefix: String
  switch verb {
  case "v", "d": (digits, prefix) = (String(magnitude), "")
  case "b": (digits, prefix) = (String(magnitude, radix: 2), spec.sharp ? "0b" : "")
  case "o": (digits, prefix) = (String(magnitude, radix: 8), spec.sharp ? "0" : "")
  case "O": (digits, prefix) = (String(magnitude, radix: 8), "0o")
  case "x": (digits, prefix) = (String(magnitude, radix: 16), spec.sharp ? "0x" : "")
  case "X": (digits, prefix) = (String(magnitude, radix: 16, uppercase: true), spec.sharp ? "0X" : "")
  case "c": return spec.padded(String(Character(scalar(magnitude, negative))))
  case "q": return spec.padded("'\(scalar(magnitude, negative))'")
  case "U":
    let code = String(magnitude, radix: 16, uppercase: true)
    return spec.padded("U+" + String(repeating: "0", count: max(0, 4 - code.utf8.count)) + code)
  default: return mismatch(verb, value)
  }
  guard let precision = spec.precision else { return spec.padded(sign + prefix + digits, numeric: true) }
  // A precision is a count of digits, and turns zero padding off.
  var widthOnly = spec
  widthOnly.zero = false
  let zeros = String(repeating: "0", count: max(0, precision - digits.utf8.count))
  return widthOnly.padded(sign + prefix + zeros + (precision == 0 && magnitude == 0 ? "" : digits))
}

private func scalar(_ magnitude: UInt64, _ negative: Bool) -> Unicode.Scalar {
  negative ? "\u{fffd}" : UInt32(exactly: magnitude).flatMap { Unicode.Scalar($0) } ?? "\u{fffd}"
}

private func renderFloat(_ number: Double, _ value: Value, _ verb: Unicode.Scalar, _ spec: Specification) -> String {
  var text: String
  switch verb {
  case _ where !"vgGeEfF".unicodeScalars.contains(verb): return mismatch(verb, value)
  case _ where !number.isFinite: text = goNonFinite(number)
  case "v" where spec.precision == nil: text = goFloat(number)
  case "g" where spec.precision == nil: text = goFloat(number)
  case "G" where spec.precision == nil: text = goFloat(number).uppercased()
  default:
    let letter: Character = verb == "v" ? "g" : verb == "F" ? "f" : Character(verb)
    text = fixedFloat(number, verb: letter, precision: spec.precision ?? 6, alternate: spec.sharp)
  }
  if spec.plus, !"+-".contains(text.first ?? " ") { text = "+" + text }
  if spec.space, !"+-".contains(text.first ?? " ") { text = " " + text }
  return spec.padded(text, numeric: number.isFinite)
}

private func mismatch(_ verb: Unicode.Scalar, _ value: Value) -> String {
  value == .null ? "%!\(verb)(<nil>)" : "%!\(verb)(\(goType(value))=\(plain(value)))"
}

/// `%v` without flags.
private func plain(_ value: Value) -> String {
  switch value {
  case .bool(let bool): "\(bool)"
  case .null: "<nil>"
  case .function, .capsule: value.description
  default: render(value, "v", Specification())
  }
}

private func goType(_ value: Value) -> String {
  switch value {
  case .null: "<nil>"
  case .bool: "bool"
  case .int: "int"
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
