// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What `printf` makes of a format and values: Go's verbs `v s q d b o x X c t f F e g` with flags, width and precision.
/// What does not fit is shown as Go shows it: `%!d(string=x)`.
func formatted(_ format: [UInt8], _ arguments: [TemplateValue]) throws(TemplateFailure) -> [UInt8] {
  var output: [UInt8] = []
  var rest = format[...]
  var next = 0
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "%") else {
      output.append(byte)
      continue
    }
    let directive = try Directive(&rest)
    if directive.verb == "%" {
      output.append(UInt8(ascii: "%"))
    } else if next < arguments.count {
      directive.append(arguments[next], to: &output)
      next += 1
    } else {
      output.append(contentsOf: "%!\(directive.verb)(MISSING)".utf8)
    }
    guard output.count <= GoTemplate.outputLimit else { throw TemplateFailure("too long") }
  }
  if next < arguments.count {
    let extra = arguments[next...].map { "\($0.typeName)=\(String(decoding: $0.text, as: UTF8.self))" }
    output.append(contentsOf: "%!(EXTRA \(extra.joined(separator: ", ")))".utf8)
  }
  return output
}

/// `%-08.3f`
private struct Directive {
  private var isLeft = false
  private var hasSign = false
  private var isSpaced = false
  private var hasZeros = false
  private var isAlternative = false
  private var width = 0
  private var precision: Int?
  var verb: Unicode.Scalar = "!"

  init(_ rest: inout ArraySlice<UInt8>) throws(TemplateFailure) {
    flags: while let byte = rest.first {
      switch byte {
      case UInt8(ascii: "-"): isLeft = true
      case UInt8(ascii: "+"): hasSign = true
      case UInt8(ascii: " "): isSpaced = true
      case UInt8(ascii: "0"): hasZeros = true
      case UInt8(ascii: "#"): isAlternative = true
      default: break flags
      }
      rest.removeFirst()
    }
    width = Self.number(&rest) ?? 0
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      precision = Self.number(&rest) ?? 0
    }
    guard width <= 1000, precision ?? 0 <= 100 else { throw TemplateFailure("printf with a width above 1000") }
    guard let letter = rest.popFirst() else { throw TemplateFailure("printf with a % at the end") }
    verb = Unicode.Scalar(letter)
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
    var value: Int?
    while let byte = rest.first, byte &- 0x30 < 10 {
      value = min(1_000_000, (value ?? 0) * 10 + Int(byte - 0x30))
      rest.removeFirst()
    }
    return value
  }

  func append(_ value: TemplateValue, to output: inout [UInt8]) {
    switch (verb, value) {
    case ("v", .int(let number)), ("d", .int(let number)): append(integer(number, 10), isNumber: true, to: &output)
    case ("v", .string(let bytes)), ("s", .string(let bytes)): append(cut(bytes), to: &output)
    case ("v", _), ("s", .list), ("s", .map), ("s", .time), ("t", .bool): append(value.text, to: &output)
    case ("q", .string(let bytes)):
      var quoted: [UInt8] = []
      appendGoQuoted(cut(bytes), to: &quoted)
      append(quoted, to: &output)
    case ("b", .int(let number)): append(integer(number, 2), isNumber: true, to: &output)
    case ("o", .int(let number)): append(integer(number, 8), isNumber: true, to: &output)
    case ("x", .int(let number)): append(integer(number, 16, prefix: "0x"), isNumber: true, to: &output)
    case ("X", .int(let number)):
      append(changeCase(isUpper: true)(integer(number, 16, prefix: "0x")), isNumber: true, to: &output)
    case ("x", .string(let bytes)): append(hexadecimal(bytes), to: &output)
    case ("X", .string(let bytes)): append(changeCase(isUpper: true)(hexadecimal(bytes)), to: &output)
    case ("c", .int(let number)):
      append(Array(String(UInt32(exactly: number).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}").utf8), to: &output)
    case ("f", .float(let number)), ("F", .float(let number)):
      append(signed(decimalText(number, "f", precision ?? 6), number), isNumber: true, to: &output)
    case ("e", .float(let number)):
      append(signed(decimalText(number, "e", precision ?? 6), number), isNumber: true, to: &output)
    case ("g", .float(let number)):
      let text = precision.map { decimalText(number, "g", $0) } ?? value.text
      append(signed(text, number), isNumber: true, to: &output)
    default:
      let type = value.typeName
      let shown = String(decoding: value.text, as: UTF8.self)
      output.append(contentsOf: (type == "nil" ? "%!\(verb)(<nil>)" : "%!\(verb)(\(type)=\(shown))").utf8)
    }
  }

  /// The first characters, as many as the precision says.
  private func cut(_ bytes: [UInt8]) -> [UInt8] {
    guard let precision else { return bytes }
    return Array(
      String(String.UnicodeScalarView(String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix(precision))).utf8)
  }

  private func integer(_ number: Int, _ radix: Int, prefix: String = "") -> [UInt8] {
    let digits = String(number.magnitude, radix: radix)
    let zeros = String(repeating: "0", count: max(0, (precision ?? 1) - digits.utf8.count))
    let sign = number < 0 ? "-" : hasSign ? "+" : isSpaced ? " " : ""
    return Array((sign + (isAlternative ? prefix : "") + zeros + digits).utf8)
  }

  private func signed(_ text: [UInt8], _ number: Double) -> [UInt8] {
    number.sign == .minus ? text : Array((hasSign ? "+" : isSpaced ? " " : "").utf8) + text
  }

  private func append(_ text: [UInt8], isNumber: Bool = false, to output: inout [UInt8]) {
    let count = String(decoding: text, as: UTF8.self).unicodeScalars.count
    let missing = max(0, width - count)
    if isLeft {
      output += text + repeatElement(0x20, count: missing)
    } else if hasZeros, isNumber, missing > 0 {
      let sign = text.prefix { "+- ".utf8.contains($0) }
      output += sign + repeatElement(0x30, count: missing) + text.dropFirst(sign.count)
    } else {
      output += repeatElement(0x20, count: missing) + text
    }
  }
}

/// Appends `text` in double quotes as Go's `%q` does.
func appendGoQuoted(_ text: [UInt8], to output: inout [UInt8]) {
  output.append(UInt8(ascii: "\""))
  var rest = text[...]
  while let byte = rest.first {
    if byte >= 0x80 {
      appendWide(&rest, to: &output)
      continue
    }
    rest.removeFirst()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
    case 0x07...0x0d:
      output.append(contentsOf: [UInt8(ascii: "\\"), Array("abtnvfr".utf8)[Int(byte) - 7]])
    case 0x20..<0x7f: output.append(byte)
    default: output.append(contentsOf: Array("\\x".utf8) + hexadecimal([byte]))
    }
  }
  output.append(UInt8(ascii: "\""))
}

/// Takes one character beyond ASCII, or one byte that is part of none.
private func appendWide(_ rest: inout ArraySlice<UInt8>, to output: inout [UInt8]) {
  var decoder = UTF8()
  var iterator = rest.prefix(4).makeIterator()
  if case .scalarValue(let scalar) = decoder.decode(&iterator) {
    appendUTF8(scalar, to: &output)
    rest = rest.dropFirst(UTF8.width(scalar))
  } else {
    output.append(contentsOf: Array("\\x".utf8) + hexadecimal([rest.removeFirst()]))
  }
}
