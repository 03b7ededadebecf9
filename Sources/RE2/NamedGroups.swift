// SPDX-License-Identifier: Apache-2.0

/// `source` with groups that are named as in `(?<name>…)`, which Go takes and older versions of RE2 do not, named as in
/// `(?P<name>…)`.
func withPortableGroupNames(_ source: String) -> String {
  let bytes = Array(source.utf8)
  guard source.contains("(?<") else { return source }
  var output: [UInt8] = []
  var index = 0
  var isInClass = false
  while index < bytes.count {
    let rest = bytes[index...]
    switch bytes[index] {
    case UInt8(ascii: "\\"):
      let end = literalEnd(rest) ?? min(index + 2, bytes.count)
      output += bytes[index..<end]
      index = end
      continue
    case UInt8(ascii: "[") where !isInClass:
      isInClass = true
      // A bracket that comes first in a class is one of its members.
      let opening =
        rest.starts(with: "[^]".utf8) ? 3 : rest.starts(with: "[]".utf8) || rest.starts(with: "[^".utf8) ? 2 : 1
      output += rest.prefix(opening)
      index += opening
      continue
    case UInt8(ascii: "]"): isInClass = false
    case UInt8(ascii: "(") where !isInClass && rest.starts(with: "(?<".utf8):
      // `(?<=` and `(?<!` look behind, which RE2 has a message for.
      let next = rest.dropFirst(3).first
      let isName = next != UInt8(ascii: "=") && next != UInt8(ascii: "!")
      output += Array((isName ? "(?P<" : "(?<").utf8)
      index += 3
      continue
    default: break
    }
    output.append(bytes[index])
    index += 1
  }
  return String(decoding: output, as: UTF8.self)
}

/// Where `\Q…\E` ends, if one begins.
private func literalEnd(_ rest: ArraySlice<UInt8>) -> Int? {
  guard rest.starts(with: "\\Q".utf8) else { return nil }
  var index = rest.startIndex + 2
  while index < rest.endIndex {
    if rest[index...].starts(with: "\\E".utf8) { return index + 2 }
    index += 1
  }
  return rest.endIndex
}
