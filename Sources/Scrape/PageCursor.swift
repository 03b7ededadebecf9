// SPDX-License-Identifier: Apache-2.0

let newline = UInt8(ascii: "\n")

/// Where the parser stands in a page.
struct PageCursor {
  /// What does not fit, and where.
  struct Failure: Error {
    var index: Int
    var reason: String
  }

  var index = 0
  private var lineStart = 0

  mutating func beginLine() { lineStart = index }

  func failure(_ reason: String) -> Failure { Failure(index: lineStart, reason: reason) }

  func checkLength() throws(Failure) {
    guard index - lineStart <= ExpositionParser.longestLine else {
      throw failure("a line longer than \(ExpositionParser.longestLine) bytes")
    }
  }

  func peek(_ page: Span<UInt8>) -> UInt8? { index < page.count ? page[index] : nil }

  mutating func take(_ byte: UInt8, _ page: Span<UInt8>) -> Bool {
    guard index < page.count, page[index] == byte else { return false }
    index += 1
    return true
  }

  /// Whether there were any.
  @discardableResult mutating func skipBlanks(_ page: Span<UInt8>) -> Bool {
    let start = index
    while index < page.count, isBlank(page[index]) { index += 1 }
    return index > start
  }

  /// Everything up to a blank or the end of the line.
  mutating func takeWord(_ page: Span<UInt8>) -> Range<Int> {
    let start = index
    while index < page.count, page[index] != newline, !isBlank(page[index]) { index += 1 }
    return start..<index
  }

  /// `[a-zA-Z_][a-zA-Z0-9_]*`, with colons or without; empty where there is none.
  mutating func takeName(_ page: Span<UInt8>, allowColon: Bool) -> Range<Int> {
    let start = index
    while index < page.count {
      let byte = page[index]
      let letter = (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
      guard letter || (byte &- 0x30 < 10 && index > start) || (allowColon && byte == UInt8(ascii: ":")) else { break }
      index += 1
    }
    return start..<index
  }

  /// The rest of the line, and over its end.
  mutating func takeLine(_ page: Span<UInt8>) throws(Failure) -> Range<Int> {
    let start = index
    while index < page.count, page[index] != newline { index += 1 }
    try checkLength()
    let line = start..<index
    if index < page.count { index += 1 }
    return line
  }

  mutating func skipLine(_ page: Span<UInt8>) throws(Failure) { _ = try takeLine(page) }

  /// Over the end of the line, at which the cursor must stand.
  mutating func endLine(_ page: Span<UInt8>) throws(Failure) {
    guard index < page.count else { return }
    guard page[index] == newline else { throw failure("expected the end of the line") }
    index += 1
  }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

/// `range` of `page` without blanks at its end.
func trimmed(_ range: Range<Int>, _ page: Span<UInt8>) -> Range<Int> {
  var end = range.upperBound
  while end > range.lowerBound, isBlank(page[end - 1]) { end -= 1 }
  return range.lowerBound..<end
}

/// A whole number, with or without `-`, that fits.
func parseInteger(_ text: Span<UInt8>) -> Int64? {
  let negative = text.count > 0 && text[0] == UInt8(ascii: "-")
  guard text.count > (negative ? 1 : 0) else { return nil }
  var value: Int64 = 0
  for index in (negative ? 1 : 0)..<text.count {
    let digit = text[index] &- 0x30
    guard digit < 10 else { return nil }
    let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
    let (difference, overflow) = product.subtractingReportingOverflow(Int64(digit))
    guard !tooBig, !overflow else { return nil }
    value = difference  // counted below zero, where there is one number more
  }
  return negative ? value : value == .min ? nil : -value
}

/// Whether `bytes` spell `word`.
func equal(_ bytes: Span<UInt8>, _ word: StaticString) -> Bool {
  bytes.count == word.utf8CodeUnitCount && equal(bytes, from: 0, word)
}

/// Whether `bytes` spell `word` at `start`.
func equal(_ bytes: Span<UInt8>, from start: Int, _ word: StaticString) -> Bool {
  guard bytes.count - start >= word.utf8CodeUnitCount else { return false }
  return word.withUTF8Buffer { buffer in
    let word = unsafe buffer.span
    for index in 0..<word.count where bytes[start + index] != word[index] { return false }
    return true
  }
}
