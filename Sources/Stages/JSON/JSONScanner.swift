// SPDX-License-Identifier: Apache-2.0

/// Walks over JSON text (RFC 8259, strictly) where it lies: no tree, no recursion, nothing allocated.
///
/// The text is given to each call, for a scanner is only a place in it. What is nested deeper than ``depthLimit`` counts
/// as malformed.
struct JSONScanner {
  /// What a value is, as its first byte tells.
  enum Kind: Sendable {
    case null, bool, number, string, object, array
  }

  /// A value: where it stands, quotes and brackets included.
  struct Value: Sendable {
    var kind: Kind
    var range: Range<Int>
  }

  /// One bit for each open bracket.
  static let depthLimit = UInt64.bitWidth

  private(set) var offset: Int
  private let end: Int

  init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  /// The only value in `text`; nil when it is not JSON.
  static func document(_ text: Span<UInt8>) -> Value? {
    var scanner = JSONScanner(0..<text.count)
    guard let value = scanner.value(text) else { return nil }
    scanner.skipBlanks(text)
    return scanner.offset == text.count ? value : nil
  }

  /// Moves past a value of any kind; nil when there is none.
  mutating func value(_ text: Span<UInt8>) -> Value? {
    skipBlanks(text)
    let start = offset
    guard let kind = peekKind(text) else { return nil }
    let isComplete =
      switch kind {
      case .object, .array: skipNested(text)
      default: skipScalar(kind, text)
      }
    return isComplete ? Value(kind: kind, range: start..<offset) : nil
  }

  /// Moves past `byte`, blanks before it included, if it comes next.
  mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
    skipBlanks(text)
    guard offset < end, text[offset] == byte else { return false }
    offset += 1
    return true
  }

  mutating func skipBlanks(_ text: Span<UInt8>) {
    // Most often there are none.
    while offset < end, text[offset] <= 0x20 {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      default: return
      }
    }
  }

  private func peekKind(_ text: Span<UInt8>) -> Kind? {
    guard offset < end else { return nil }
    switch text[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    default: return .number
    }
  }

  private mutating func skipScalar(_ kind: Kind, _ text: Span<UInt8>) -> Bool {
    switch kind {
    case .string: skipString(text)
    case .bool: skipWord(text[offset] == UInt8(ascii: "t") ? "true" : "false", text)
    case .null: skipWord("null", text)
    default: skipNumber(text)
    }
  }

  /// Moves past an object or array; what is open is a bit each, set for objects.
  private mutating func skipNested(_ text: Span<UInt8>) -> Bool {
    var open: UInt64 = 0
    var depth = 0
    while true {
      // Here a value comes next.
      skipBlanks(text)
      guard let kind = peekKind(text) else { return false }
      if kind == .object || kind == .array {
        guard depth < Self.depthLimit else { return false }
        open = open << 1 | (kind == .object ? 1 : 0)
        depth += 1
        offset += 1
        if !take(open & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"), text) {
          if kind == .object, !skipKey(text) { return false }
          continue
        }
        open >>= 1
        depth -= 1
      } else if !skipScalar(kind, text) {
        return false
      }
      // Here a value has ended, and with it perhaps others around it.
      while depth > 0, !take(UInt8(ascii: ","), text) {
        guard take(open & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"), text) else { return false }
        open >>= 1
        depth -= 1
      }
      if depth == 0 { return true }
      if open & 1 == 1, !skipKey(text) { return false }
    }
  }

  private mutating func skipKey(_ text: Span<UInt8>) -> Bool {
    skipBlanks(text)
    return skipString(text) && take(UInt8(ascii: ":"), text)
  }

  /// Moves past a string, checking its escapes.
  mutating func skipString(_ text: Span<UInt8>) -> Bool {
    guard offset < end, text[offset] == UInt8(ascii: "\"") else { return false }
    var index = offset + 1
    while index < end {
      let byte = text[index]
      index += 1
      if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
      if byte == UInt8(ascii: "\"") {
        offset = index
        return true
      }
      guard byte == UInt8(ascii: "\\") else { return false }
      guard index < end else { return false }
      let letter = text[index]
      index += 1
      if letter == UInt8(ascii: "u") {
        guard end - index >= 4, hexUnit(text, at: index) != nil else { return false }
        index += 4
      } else if jsonEscape(letter) == nil {
        return false
      }
    }
    return false
  }

  private mutating func skipWord(_ word: StaticString, _ text: Span<UInt8>) -> Bool {
    let count = word.utf8CodeUnitCount
    guard end - offset >= count else { return false }
    let isSame = word.withUTF8Buffer { letters in
      let letters = unsafe letters.span
      for index in 0..<count where letters[index] != text[offset + index] { return false }
      return true
    }
    offset += count
    return isSame
  }

  private mutating func skipNumber(_ text: Span<UInt8>) -> Bool {
    _ = takeOne(of: "-", "-", text)
    if !takeOne(of: "0", "0", text), !skipDigits(text) { return false }
    if takeOne(of: ".", ".", text), !skipDigits(text) { return false }
    if takeOne(of: "e", "E", text) {
      _ = takeOne(of: "+", "-", text)
      return skipDigits(text)
    }
    return true
  }

  private mutating func takeOne(of first: Unicode.Scalar, _ second: Unicode.Scalar, _ text: Span<UInt8>) -> Bool {
    guard offset < end, text[offset] == UInt8(ascii: first) || text[offset] == UInt8(ascii: second) else {
      return false
    }
    offset += 1
    return true
  }

  private mutating func skipDigits(_ text: Span<UInt8>) -> Bool {
    let start = offset
    while offset < end, text[offset] &- 0x30 < 10 { offset += 1 }
    return offset > start
  }
}
