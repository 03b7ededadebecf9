// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

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
