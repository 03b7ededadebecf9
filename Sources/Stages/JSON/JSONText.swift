// SPDX-License-Identifier: Apache-2.0

internal import Linux

// What values mean as text: strings without their escapes, numbers as Go writes a float64 with 'f', objects and arrays
// as Go's encoding/json writes them again.

/// Appends what `value` is as text, as extracted values are text: nothing for null.
func appendText(of value: JSONScanner.Value, in text: Span<UInt8>, to output: inout [UInt8]) {
  switch value.kind {
  case .null: break
  case .bool: append(text.extracting(value.range), to: &output)
  case .number: appendPlainNumber(text, value.range, to: &output)
  case .string: _ = appendUnescaped(text, stringContent(value.range), to: &output)
  case .object, .array: appendCompact(value, in: text, to: &output)
  }
}

/// What stands between the quotes.
func stringContent(_ range: Range<Int>) -> Range<Int> { (range.lowerBound + 1)..<(range.upperBound - 1) }

/// Whether what stands between the quotes has to be unescaped.
func hasEscape(_ text: Span<UInt8>, _ content: Range<Int>) -> Bool {
  firstIndex(of: UInt8(ascii: "\\"), in: text, content) != nil
}

/// Appends what stands between quotes without its escapes; half a surrogate pair becomes U+FFFD. False, and something
/// appended, when there is an escape that JSON does not have.
func appendUnescaped(_ text: Span<UInt8>, _ content: Range<Int>, to output: inout [UInt8]) -> Bool {
  var index = content.lowerBound
  let end = content.upperBound
  while index < end {
    let plainEnd = firstIndex(of: UInt8(ascii: "\\"), in: text, index..<end) ?? end
    append(text.extracting(index..<plainEnd), to: &output)
    index = plainEnd + 2
    guard plainEnd < end else { return true }
    guard index <= end else { return false }
    let letter = text[index - 1]
    if letter == UInt8(ascii: "u") {
      guard let scalar = unescapedScalar(text, at: &index, before: end) else { return false }
      appendUTF8(scalar, to: &output)
    } else {
      guard let byte = jsonEscape(letter) else { return false }
      output.append(byte)
    }
  }
  return true
}

/// The scalar whose hexadecimal digits begin at `index`, and perhaps go on in a second escape.
private func unescapedScalar(_ text: Span<UInt8>, at index: inout Int, before end: Int) -> Unicode.Scalar? {
  guard end - index >= 4, let first = hexUnit(text, at: index) else { return nil }
  index += 4
  guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
  guard end - index >= 6, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u"),
    let second = hexUnit(text, at: index + 2), UTF16.isTrailSurrogate(second)
  else { return "\u{FFFD}" }
  index += 6
  let value = 0x10000 + (UInt32(first & 0x3ff) << 10 | UInt32(second & 0x3ff))
  return Unicode.Scalar(value) ?? "\u{FFFD}"
}

/// The number of four hexadecimal digits.
func hexUnit(_ text: Span<UInt8>, at index: Int) -> UInt16? {
  var unit: UInt16 = 0
  for place in index..<(index + 4) {
    guard let digit = hexDigit(text[place]) else { return nil }
    unit = unit << 4 | UInt16(digit)
  }
  return unit
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

/// What a letter after a backslash stands for, `u` aside.
func jsonEscape(_ letter: UInt8) -> UInt8? {
  switch letter {
  case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
  case UInt8(ascii: "n"): 0x0a
  case UInt8(ascii: "t"): 0x09
  case UInt8(ascii: "r"): 0x0d
  case UInt8(ascii: "b"): 0x08
  case UInt8(ascii: "f"): 0x0c
  default: nil
  }
}

/// Appends the number in `range` as a float64 in plain decimals.
func appendPlainNumber(_ text: Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]) {
  // Up to 15 digits come back from a float64 as they were, and most numbers are so short.
  if isPlain(text, range) { return append(text.extracting(range), to: &output) }
  guard let number = parseDecimal(text, range), number.isFinite else {
    return append(text.extracting(range), to: &output)
  }
  appendDecimal(number, to: &output)
}

/// Whether a number is what its float64 would be written as, as far as that can be told from its digits.
private func isPlain(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
  guard range.count <= 15 else { return false }
  var hasPoint = false
  for index in range {
    if text[index] == UInt8(ascii: ".") { hasPoint = true }
    if text[index] | 0x20 == UInt8(ascii: "e") { return false }
  }
  return !hasPoint || text[range.upperBound - 1] != UInt8(ascii: "0")
}

func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
  unsafe bytes.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
}

func appendUTF8(_ scalar: Unicode.Scalar, to output: inout [UInt8]) {
  if scalar.isASCII { output.append(UInt8(scalar.value)) } else { output.append(contentsOf: UTF8.encode(scalar)!) }
}

/// The number in `range`.
func jsonNumber(_ text: Span<UInt8>, _ range: Range<Int>) -> Double { parseDecimal(text, range) ?? 0 }
