// SPDX-License-Identifier: Apache-2.0

/// Just enough of JSON to read what a trusted server of ours answers.
indirect enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Reads a whole text; nil when it is no JSON.
  init?(_ bytes: [UInt8]) {
    var reader = JSONReader(bytes)
    guard let value = reader.value(), reader.isAtEnd else { return nil }
    self = value
  }

  subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members[name]
  }

  var array: [JSON] { if case .array(let items) = self { items } else { [] } }
  var object: [String: JSON] { if case .object(let members) = self { members } else { [:] } }
  var string: String? { if case .string(let text) = self { text } else { nil } }
  var number: Double? { if case .number(let number) = self { number } else { nil } }
}

private struct JSONReader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return at == bytes.count
    }
  }

  mutating func value() -> JSON? {
    skipSpace()
    guard at < bytes.count else { return nil }
    switch bytes[at] {
    case UInt8(ascii: "{"): return members()
    case UInt8(ascii: "["): return items()
    case UInt8(ascii: "\""): return text().map { .string($0) }
    default: return word()
    }
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func members() -> JSON? {
    var found: [String: JSON] = [:]
    guard take("{") else { return nil }
    if take("}") { return .object(found) }
    repeat {
      skipSpace()
      guard let name = text(), take(":"), let value = value() else { return nil }
      found[name] = value
    } while take(",")
    return take("}") ? .object(found) : nil
  }

  private mutating func items() -> JSON? {
    var found: [JSON] = []
    guard take("[") else { return nil }
    if take("]") { return .array(found) }
    repeat {
      guard let value = value() else { return nil }
      found.append(value)
    } while take(",")
    return take("]") ? .array(found) : nil
  }

  private mutating func text() -> String? {
    guard take("\"") else { return nil }
    var units: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let character = escaped() else { return nil }
        units += Array(String(character).utf8)
      default: units.append(byte)
      }
    }
    return nil
  }

  private mutating func escaped() -> Character? {
    guard at < bytes.count else { return nil }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "u"):
      guard at + 4 <= bytes.count else { return nil }
      let digits = String(decoding: bytes[at..<at + 4], as: UTF8.self)
      at += 4
      return UInt32(digits, radix: 16).flatMap { Unicode.Scalar($0) }.map { Character($0) }
    default: return Character(Unicode.Scalar(byte))
    }
  }

  private mutating func word() -> JSON? {
    let start = at
    while at < bytes.count, !Array(",]} \n\r\t".utf8).contains(bytes[at]) { at += 1 }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    switch text {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default: return Double(text).map { .number($0) }
    }
  }
}
