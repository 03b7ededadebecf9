// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// Appends packed labels as Loki writes a stream's: `{app="x", host="y"}`, with values quoted as Go quotes them.
public func appendStreamLabels(_ packed: Span<UInt8>, to text: inout [UInt8]) {
  text.append(UInt8(ascii: "{"))
  var offset = 0
  var isFirst = true
  while let label = readLabel(packed, at: &offset) {
    if !isFirst { text += Array(", ".utf8) }
    isFirst = false
    text += copy(packed, label.name)
    text.append(UInt8(ascii: "="))
    appendQuoted(packed.extracting(label.value), to: &text)
  }
  text.append(UInt8(ascii: "}"))
}

/// Appends `bytes` in double quotes, with what does not print escaped as Go's strconv.Quote does.
func appendQuoted(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
  text.append(UInt8(ascii: "\""))
  var index = 0
  while index < bytes.count {
    let byte = bytes[index]
    if byte < 0x80 {
      appendEscaped(byte, to: &text)
      index += 1
    } else if let (scalar, length) = decodeScalar(bytes, at: index) {
      if isPrintable(scalar) {
        text += Array(String(scalar).utf8)
      } else {
        appendEscaped(scalar, to: &text)
      }
      index += length
    } else {
      text += Array("\\x\(hex(UInt32(byte), digits: 2))".utf8)
      index += 1
    }
  }
  text.append(UInt8(ascii: "\""))
}

private func appendEscaped(_ ascii: UInt8, to text: inout [UInt8]) {
  let letter: UInt8
  switch ascii {
  case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter = ascii
  case 0x07: letter = UInt8(ascii: "a")
  case 0x08: letter = UInt8(ascii: "b")
  case 0x0c: letter = UInt8(ascii: "f")
  case 0x0a: letter = UInt8(ascii: "n")
  case 0x0d: letter = UInt8(ascii: "r")
  case 0x09: letter = UInt8(ascii: "t")
  case 0x0b: letter = UInt8(ascii: "v")
  case 0..<0x20, 0x7f:
    text += Array("\\x\(hex(UInt32(ascii), digits: 2))".utf8)
    return
  default:
    text.append(ascii)
    return
  }
  text.append(UInt8(ascii: "\\"))
  text.append(letter)
}

private func appendEscaped(_ scalar: Unicode.Scalar, to text: inout [UInt8]) {
  let escape = scalar.value < 0x10000 ? "\\u\(hex(scalar.value, digits: 4))" : "\\U\(hex(scalar.value, digits: 8))"
  text += Array(escape.utf8)
}

private func hex(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// The scalar of two to four UTF-8 bytes at `index`; nil where the bytes are none.
private func decodeScalar(_ bytes: Span<UInt8>, at index: Int) -> (Unicode.Scalar, length: Int)? {
  let length =
    switch bytes[index] {
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 0
    }
  guard length > 0, length <= bytes.count - index,
    let text = String(validating: copy(bytes, index..<(index + length)), as: UTF8.self),
    let scalar = text.unicodeScalars.first
  else { return nil }
  return (scalar, length)
}

/// What Go calls printable: letters, marks, numbers, punctuation, symbols.
private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator, .paragraphSeparator:
    false
  default: true
  }
}

/// Parses the text of a stream's labels, `{app="x", host="y"}`: sorted by name, without empty values.
///
/// Values may stand in double quotes with Go's escapes, or raw in backticks. A name given twice is refused.
public func parseStreamLabels(_ text: String) throws(WireError) -> [Label] {
  var parser = StreamLabelParser(Array(text.utf8))
  return try parser.parse()
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`.
func isStreamLabelName(_ name: String) -> Bool {
  !name.isEmpty && name.utf8.enumerated().allSatisfy { isNameByte($1, first: $0 == 0) }
}

private func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
  case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
  default: false
  }
}

private struct StreamLabelParser {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func parse() throws(WireError) -> [Label] {
    var labels: [Label] = []
    try expect("{")
    while !take("}") {
      let name = try name()
      try expect("=")
      labels.append(Label(name, try value()))
      if take("}") { break }
      try expect(",")
    }
    skipSpace()
    guard position == bytes.count else { throw error("something follows the closing brace") }
    labels.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (label, next) in zip(labels, labels.dropFirst()) where label.name == next.name {
      throw error("label \(label.name) is there twice")
    }
    return labels.filter { !$0.value.isEmpty }
  }

  private mutating func name() throws(WireError) -> String {
    skipSpace()
    let start = position
    while position < bytes.count, isNameByte(bytes[position], first: position == start) { position += 1 }
    guard position > start else { throw error("expected a label name") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func value() throws(WireError) -> String {
    skipSpace()
    guard position < bytes.count else { throw error("expected a quoted value") }
    let quote = bytes[position]
    position += 1
    switch quote {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return try escapedText(until: quote)
    case UInt8(ascii: "`"):
      guard let end = bytes[position...].firstIndex(of: quote) else { throw error("a value does not end") }
      defer { position = end + 1 }
      return String(decoding: bytes[position..<end], as: UTF8.self)
    default: throw error("expected a quoted value")
    }
  }

  private mutating func escapedText(until quote: UInt8) throws(WireError) -> String {
    var value: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case quote: return String(decoding: value, as: UTF8.self)
      case UInt8(ascii: "\n"): throw error("a value has a bare newline")
      case UInt8(ascii: "\\"): try unescape(into: &value, quote: quote)
      default: value.append(byte)
      }
    }
    throw error("a value does not end")
  }

  private mutating func unescape(into value: inout [UInt8], quote: UInt8) throws(WireError) {
    guard position < bytes.count else { throw error("a value does not end") }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\\"), quote: value.append(letter)
    case UInt8(ascii: "a"): value.append(0x07)
    case UInt8(ascii: "b"): value.append(0x08)
    case UInt8(ascii: "f"): value.append(0x0c)
    case UInt8(ascii: "n"): value.append(0x0a)
    case UInt8(ascii: "r"): value.append(0x0d)
    case UInt8(ascii: "t"): value.append(0x09)
    case UInt8(ascii: "v"): value.append(0x0b)
    case UInt8(ascii: "x"): value.append(UInt8(truncatingIfNeeded: try number(digits: 2, radix: 16)))
    case UInt8(ascii: "u"): value += try scalar(digits: 4)
    case UInt8(ascii: "U"): value += try scalar(digits: 8)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      position -= 1
      guard let byte = UInt8(exactly: try number(digits: 3, radix: 8)) else { throw error("an escape over 255") }
      value.append(byte)
    default: throw error("unknown escape")
    }
  }

  private mutating func scalar(digits: Int) throws(WireError) -> String.UTF8View {
    guard let scalar = Unicode.Scalar(try number(digits: digits, radix: 16)) else {
      throw error("an escape that is no character")
    }
    return String(scalar).utf8
  }

  private mutating func number(digits: Int, radix: Int) throws(WireError) -> UInt32 {
    guard digits <= bytes.count - position else { throw error("a value does not end") }
    let text = String(decoding: bytes[position..<(position + digits)], as: UTF8.self)
    guard !text.hasPrefix("+"), !text.hasPrefix("-"), let value = UInt32(text, radix: radix) else {
      throw error("an escape without its digits")
    }
    position += digits
    return value
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(WireError) {
    guard take(character) else { throw error("expected \(character)") }
  }

  private func error(_ reason: String) -> WireError {
    .malformed(what: "stream labels", reason: "\(reason) (at byte \(position))")
  }
}
