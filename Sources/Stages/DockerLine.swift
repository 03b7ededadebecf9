// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The three strings of a JSON object that Docker's json-file driver writes; what it has besides is passed over.
struct DockerLine {
  private(set) var log = 0..<0
  private(set) var stream = 0..<0
  private(set) var time = 0..<0
  private var offset: Int
  private let end: Int

  /// Nil where there is no object at `line` of `bytes`, to whose end strings with escapes are written in plain.
  init?(_ line: Range<Int>, of bytes: inout [UInt8]) {
    offset = line.lowerBound
    end = line.upperBound
    guard readObject(&bytes) else { return nil }
    skipBlanks(bytes)
    guard offset == end else { return nil }
  }

  private mutating func readObject(_ bytes: inout [UInt8]) -> Bool {
    guard take("{", bytes) else { return false }
    if take("}", bytes) { return true }
    repeat {
      guard let name = string(&bytes), take(":", bytes), readMember(name, &bytes) else { return false }
    } while take(",", bytes)
    return take("}", bytes)
  }

  private mutating func readMember(_ name: Range<Int>, _ bytes: inout [UInt8]) -> Bool {
    let isLog = equal(bytes.span, name, "log")
    let isStream = equal(bytes.span, name, "stream")
    let isTime = equal(bytes.span, name, "time")
    skipBlanks(bytes)
    guard offset < end, bytes[offset] == UInt8(ascii: "\""), let value = string(&bytes) else {
      return !isLog && !isStream && !isTime && skipValue(&bytes)
    }
    if isLog { log = value }
    if isStream { stream = value }
    if isTime { time = value }
    return true
  }

  /// Passes over a value that is no string; brackets are counted, not matched.
  private mutating func skipValue(_ bytes: inout [UInt8]) -> Bool {
    var depth = 0
    let start = offset
    while offset < end {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        guard string(&bytes) != nil else { return false }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return offset > start }
        depth -= 1
      case UInt8(ascii: ","): if depth == 0 { return offset > start }
      default: break
      }
      offset += 1
    }
    return false
  }

  // MARK: Strings

  /// Where the text of the string that comes next stands; nil when none comes.
  private mutating func string(_ bytes: inout [UInt8]) -> Range<Int>? {
    guard take("\"", bytes) else { return nil }
    let start = offset
    while offset < end, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\") { offset += 1 }
    guard offset < end else { return nil }
    if bytes[offset] == UInt8(ascii: "\"") {
      offset += 1
      return start..<(offset - 1)
    }
    return escapedString(from: start, &bytes)
  }

  private mutating func escapedString(from start: Int, _ bytes: inout [UInt8]) -> Range<Int>? {
    let plain = bytes.count
    for index in start..<offset { bytes.append(bytes[index]) }
    while offset < end {
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "\"") { return plain..<bytes.count }
      if byte != UInt8(ascii: "\\") {
        bytes.append(byte)
      } else if !appendEscaped(&bytes) {
        return nil
      }
    }
    return nil
  }

  private mutating func appendEscaped(_ bytes: inout [UInt8]) -> Bool {
    guard offset < end else { return false }
    let letter = bytes[offset]
    offset += 1
    switch letter {
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
    case UInt8(ascii: "u"): return appendCodePoint(&bytes)
    default: return false
    }
    return true
  }

  /// What stands after `\u`, with the second half of a surrogate pair; half a pair alone becomes U+FFFD.
  private mutating func appendCodePoint(_ bytes: inout [UInt8]) -> Bool {
    guard let first = hexDigits(bytes) else { return false }
    var code = first
    if (0xd800..<0xdc00).contains(first), offset + 6 <= end, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    {
      let before = offset
      offset += 2
      if let second = hexDigits(bytes), (0xdc00..<0xe000).contains(second) {
        code = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
      } else {
        offset = before
      }
    }
    bytes.append(contentsOf: UTF8.encode(Unicode.Scalar(code) ?? "\u{fffd}") ?? UTF8.encodedReplacementCharacter)
    return true
  }

  private mutating func hexDigits(_ bytes: [UInt8]) -> UInt32? {
    guard offset + 4 <= end else { return nil }
    var value: UInt32 = 0
    for index in offset..<(offset + 4) {
      let byte = bytes[index]
      let digit = byte &- 0x30 < 10 ? byte &- 0x30 : (byte | 0x20) &- 0x57
      guard digit < 16, byte &- 0x30 < 10 || digit >= 10 else { return nil }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }

  // MARK: Tokens

  private mutating func take(_ sign: Unicode.Scalar, _ bytes: [UInt8]) -> Bool {
    skipBlanks(bytes)
    guard offset < end, bytes[offset] == UInt8(ascii: sign) else { return false }
    offset += 1
    return true
  }

  private mutating func skipBlanks(_ bytes: [UInt8]) {
    while offset < end, bytes[offset] == 0x20 || bytes[offset] == 0x09 || bytes[offset] == 0x0a || bytes[offset] == 0x0d
    {
      offset += 1
    }
  }
}
