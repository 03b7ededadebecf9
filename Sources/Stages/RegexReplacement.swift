// SPDX-License-Identifier: Apache-2.0

internal import RE2

/// Calls `body` with the groups of each match, one after the other, as Go's `FindAll` finds them: an empty match right
/// after another is none. It goes on for as long as `body` says so.
func forEachMatch(
  of pattern: Pattern, in text: [UInt8], groups: inout [Range<Int>?], _ body: ([Range<Int>?], Range<Int>) -> Bool
) {
  var position = 0
  var previousEnd = -1
  while position <= text.count, pattern.firstMatch(in: text.span, from: position, groups: &groups) {
    guard let match = groups[0] else { return }
    let isRepeated = match.isEmpty && match.lowerBound == previousEnd
    if match.upperBound == position {
      position += 1
      // To the next character, not into the middle of this one.
      while position < text.count, text[position] & 0xc0 == 0x80 { position += 1 }
    } else {
      position = match.upperBound
    }
    previousEnd = match.upperBound
    if !isRepeated, !body(groups, match) { return }
  }
}

/// `text` with what `pattern` matches replaced; in `replacement`, `$1` and `${name}` are groups unless it is literal.
/// Nil when the result is longer than `limit`.
func replaceAll(
  _ pattern: Pattern, in text: [UInt8], with replacement: [UInt8], isLiteral: Bool, limit: Int
) -> [UInt8]? {
  var output: [UInt8] = []
  var copied = 0
  var groups: [Range<Int>?] = []
  forEachMatch(of: pattern, in: text, groups: &groups) { groups, match in
    output.append(contentsOf: text[copied..<match.lowerBound])
    if isLiteral { output.append(contentsOf: replacement) } else { expand(replacement, pattern, groups, text, &output) }
    copied = match.upperBound
    return output.count <= limit
  }
  output.append(contentsOf: text[copied...])
  return output.count <= limit ? output : nil
}

/// As Go's `Regexp.Expand`: names are as long as they can be, a group that does not exist is empty, `$$` is a dollar.
private func expand(
  _ template: [UInt8], _ pattern: Pattern, _ groups: [Range<Int>?], _ text: [UInt8], _ output: inout [UInt8]
) {
  var rest = template[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "$"), let next = rest.first else {
      output.append(byte)
      continue
    }
    if next == UInt8(ascii: "$") {
      rest.removeFirst()
      output.append(byte)
      continue
    }
    let isBraced = next == UInt8(ascii: "{")
    let name = rest.dropFirst(isBraced ? 1 : 0).prefix(while: isNameByte)
    let after = rest.dropFirst(name.count + (isBraced ? 1 : 0))
    guard !name.isEmpty, !isBraced || after.first == UInt8(ascii: "}") else {
      output.append(byte)
      continue
    }
    rest = isBraced ? after.dropFirst() : after
    let text = text[(groupNumber(String(decoding: name, as: UTF8.self), pattern).flatMap { groups[$0] }) ?? 0..<0]
    output.append(contentsOf: text)
  }
}

private func groupNumber(_ name: String, _ pattern: Pattern) -> Int? {
  if let number = Int(name), number >= 0 { return number <= pattern.groupCount ? number : nil }
  return pattern.groupNumber(named: name)
}

func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
    true
  default: false
  }
}
