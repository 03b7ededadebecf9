// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Appends an object or array again as Go's `json.Marshal` writes one it has read: no blanks, keys sorted, the last of
/// several equal keys, numbers as float64, and `<`, `>`, `&` as escapes.
func appendCompact(_ value: JSONScanner.Value, in text: Span<UInt8>, to output: inout [UInt8]) {
  switch value.kind {
  case .null, .bool: append(text.extracting(value.range), to: &output)
  case .number:
    guard let number = parseDecimal(text, value.range), number.isFinite else {
      return append(text.extracting(value.range), to: &output)
    }
    appendJSONNumber(number, to: &output)
  case .string:
    var content: [UInt8] = []
    _ = appendUnescaped(text, stringContent(value.range), to: &content)
    appendQuoted(content, to: &output)
  case .array:
    output.append(UInt8(ascii: "["))
    var elements = JSONMembers(of: value)
    var isFirst = true
    while let element = elements.next(text) {
      if !isFirst { output.append(UInt8(ascii: ",")) }
      isFirst = false
      appendCompact(element.value, in: text, to: &output)
    }
    output.append(UInt8(ascii: "]"))
  case .object: appendCompactObject(value, in: text, to: &output)
  }
}

private func appendCompactObject(_ value: JSONScanner.Value, in text: Span<UInt8>, to output: inout [UInt8]) {
  var found: [(key: [UInt8], value: JSONScanner.Value)] = []
  var members = JSONMembers(of: value)
  var isSorted = true
  while let member = members.next(text) {
    var key: [UInt8] = []
    _ = appendUnescaped(text, member.key, to: &key)
    if let last = found.last, !last.key.lexicographicallyPrecedes(key) { isSorted = false }
    found.append((key, member.value))
  }
  if !isSorted { sortKeepingLast(&found) }
  output.append(UInt8(ascii: "{"))
  for (index, member) in found.enumerated() {
    if index > 0 { output.append(UInt8(ascii: ",")) }
    appendQuoted(member.key, to: &output)
    output.append(UInt8(ascii: ":"))
    appendCompact(member.value, in: text, to: &output)
  }
  output.append(UInt8(ascii: "}"))
}

private func sortKeepingLast(_ members: inout [(key: [UInt8], value: JSONScanner.Value)]) {
  // The library's sort is stable, so of equal keys the last stands last.
  members.sort { $0.key.lexicographicallyPrecedes($1.key) }
  var kept: [(key: [UInt8], value: JSONScanner.Value)] = []
  for member in members {
    if kept.last?.key == member.key { kept.removeLast() }
    kept.append(member)
  }
  members = kept
}

/// Appends `content` as a JSON string as Go writes it: what HTML or JavaScript could take for its own is escaped, and
/// what is not UTF-8 becomes U+FFFD.
func appendQuoted(_ content: [UInt8], to output: inout [UInt8]) {
  output.append(UInt8(ascii: "\""))
  if content.allSatisfy({ $0 < 0x80 && isPlainInJSON($0) }) {
    output.append(contentsOf: content)
  } else {
    for scalar in String(decoding: content, as: UTF8.self).unicodeScalars { appendEscaped(scalar, to: &output) }
  }
  output.append(UInt8(ascii: "\""))
}

private func appendEscaped(_ scalar: Unicode.Scalar, to output: inout [UInt8]) {
  switch scalar {
  case "\"", "\\": output.append(contentsOf: [UInt8(ascii: "\\"), UInt8(scalar.value)])
  case "\n": output.append(contentsOf: "\\n".utf8)
  case "\r": output.append(contentsOf: "\\r".utf8)
  case "\t": output.append(contentsOf: "\\t".utf8)
  case "\u{2028}", "\u{2029}": output.append(contentsOf: "\\u\(String(scalar.value, radix: 16))".utf8)
  case _ where scalar.value < 0x80 && !isPlainInJSON(UInt8(scalar.value)):
    output.append(contentsOf: (scalar.value < 16 ? "\\u000" : "\\u00").utf8)
    output.append(contentsOf: String(scalar.value, radix: 16).utf8)
  default: appendUTF8(scalar, to: &output)
  }
}

private func isPlainInJSON(_ byte: UInt8) -> Bool {
  switch byte {
  case ..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): false
  default: true
  }
}
