// SPDX-License-Identifier: Apache-2.0

public import Telemetry

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
