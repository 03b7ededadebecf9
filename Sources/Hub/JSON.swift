// SPDX-License-Identifier: Apache-2.0

/// A JSON document, as far as Loki's push needs it.
indirect enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Reads `bytes`; nil when they are no JSON document, or one nested deeper than 32.
  init?(_ bytes: [UInt8]) {
    var reader = JSONReader(bytes: bytes)
    guard let value = reader.value(depth: 0) else { return nil }
    reader.skipSpaces()
    guard reader.offset == bytes.count else { return nil }
    self = value
  }

  subscript(key: String) -> JSON? { if case .object(let members) = self { members[key] } else { nil } }

  var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }

  var string: String? { if case .string(let text) = self { text } else { nil } }

  var strings: [String: String]? {
    guard case .object(let members) = self else { return nil }
    let strings = members.compactMapValues(\.string)
    return strings.count == members.count ? strings : nil
  }
}

private struct JSONReader {
  let bytes: [UInt8]
  var offset = 0

  mutating func skipSpaces() {
    while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  mutating func value(depth: Int) -> JSON? {
    guard depth < 32 else { return nil }
    skipSpaces()
    guard offset < bytes.count else { return nil }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "["): return array(depth)
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return word("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return word("false") ? .bool(false) : nil
    case UInt8(ascii: "n"): return word("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func word(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count - offset >= count, bytes[offset..<offset + count].elementsEqual("\(word)".utf8) else {
      return false
    }
    offset += count
    return true
  }

  private mutating func object(_ depth: Int) -> JSON? {
    offset += 1
    var members: [String: JSON] = [:]
    if take("}") { return .object(members) }
    repeat {
      skipSpaces()
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\""), let key = string(), take(":"),
        let value = value(depth: depth + 1)
      else { return nil }
      members[key] = value
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func array(_ depth: Int) -> JSON? {
    offset += 1
    var elements: [JSON] = []
    if take("]") { return .array(elements) }
    repeat {
      guard let value = value(depth: depth + 1) else { return nil }
      elements.append(value)
    } while take(",")
    return take("]") ? .array(elements) : nil
  }

  private mutating func number() -> JSON? {
    let start = offset
    while offset < bytes.count, "+-0123456789.eE".utf8.contains(bytes[offset]) { offset += 1 }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    return Double(text) == nil ? nil : .number(text)
  }

  private mutating func string() -> String? {
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case 0..<0x20: return nil
      case UInt8(ascii: "\\"):
        guard let escaped = escaped() else { return nil }
        text += escaped
      default: text.append(byte)
      }
    }
    return nil
  }

  private mutating func escaped() -> [UInt8]? {
    guard offset < bytes.count else { return nil }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return scalar()
    default: return nil
    }
  }

  /// Two halves of a surrogate pair are one character; one half alone is U+FFFD.
  private mutating func scalar() -> [UInt8]? {
    guard let unit = hex() else { return nil }
    guard UTF16.isLeadSurrogate(unit), bytes.count - offset >= 6, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    else { return Array(String(decoding: [unit], as: UTF16.self).utf8) }
    let back = offset
    offset += 2
    guard let second = hex() else { return nil }
    guard UTF16.isTrailSurrogate(second) else {
      offset = back
      return Array("\u{fffd}".utf8)
    }
    return Array(String(decoding: [unit, second], as: UTF16.self).utf8)
  }

  private mutating func hex() -> UInt16? {
    guard bytes.count - offset >= 4 else { return nil }
    let digits = bytes[offset..<offset + 4]
    guard digits.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) }) else { return nil }
    offset += 4
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
