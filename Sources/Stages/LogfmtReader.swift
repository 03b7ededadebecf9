// SPDX-License-Identifier: Apache-2.0

/// Reads `key=value key="quoted \" value" bare`, pair by pair, as Go's logfmt decoder does.
///
/// What is not logfmt ends the reading; the pairs before it stand. A bare key has an empty value.
struct LogfmtReader {
  /// A key and its value, as places in the text.
  struct Pair {
    var key: Range<Int>
    /// Without its quotes.
    var value: Range<Int>
    /// Whether the value has escapes, those of JSON: see ``appendUnescaped(_:_:to:)``.
    var isEscaped = false
  }

  private var offset = 0
  /// Whether it ended because of something that is not logfmt.
  private(set) var isMalformed = false

  init() {}

  mutating func next(_ text: Span<UInt8>) -> Pair? {
    while offset < text.count, text[offset] <= 0x20 { offset += 1 }
    guard !isMalformed, offset < text.count else { return nil }
    let start = offset
    while offset < text.count, isKeyByte(text[offset]) { offset += 1 }
    let key = start..<offset
    guard offset < text.count, text[offset] > 0x20 else { return Pair(key: key, value: offset..<offset) }
    guard text[offset] == UInt8(ascii: "="), !key.isEmpty else { return fail() }
    offset += 1
    guard offset < text.count, text[offset] == UInt8(ascii: "\"") else { return plainValue(of: key, text) }
    return quotedValue(of: key, text)
  }

  private func isKeyByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\"")
  }

  private mutating func plainValue(of key: Range<Int>, _ text: Span<UInt8>) -> Pair? {
    let start = offset
    while offset < text.count, text[offset] > 0x20 {
      guard isKeyByte(text[offset]) else { return fail() }
      offset += 1
    }
    return Pair(key: key, value: start..<offset)
  }

  private mutating func quotedValue(of key: Range<Int>, _ text: Span<UInt8>) -> Pair? {
    let start = offset + 1
    offset = start
    var isEscaped = false
    while offset < text.count, text[offset] != UInt8(ascii: "\n") {
      switch text[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        return Pair(key: key, value: start..<(offset - 1), isEscaped: isEscaped)
      case UInt8(ascii: "\\"):
        isEscaped = true
        offset += 2
      default: offset += 1
      }
    }
    return fail()
  }

  private mutating func fail() -> Pair? {
    isMalformed = true
    return nil
  }
}
