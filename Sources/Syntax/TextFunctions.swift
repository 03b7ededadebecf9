// SPDX-License-Identifier: Apache-2.0

// Go's `strings` and `path/filepath` on bytes and code points, where Swift's own would compare characters.

/// `text` with every `old` made `new`; an empty `old` is found before each code point and at the end.
func replaced(_ text: String, _ old: String, _ new: String) throws(ConversionError) -> String {
  let pieces = old.isEmpty ? [""] + text.unicodeScalars.map { String($0) } + [""] : split(text, old)
  let size = text.utf8.count + pieces.count * new.utf8.count
  guard size <= longestText else { throw ConversionError("this makes more than 16 MiB of text") }
  return pieces.joined(separator: new)
}

/// The parts with `separator` between them.
func joined(_ parts: [String], _ separator: String) throws(ConversionError) -> String {
  let size = parts.reduce(0) { $0 + $1.utf8.count } + parts.count * separator.utf8.count
  guard size <= longestText else { throw ConversionError("this makes more than 16 MiB of text") }
  return parts.joined(separator: separator)
}

/// What stands between the `separator`s; with an empty one, the code points.
func split(_ text: String, _ separator: String) -> [String] {
  guard !separator.isEmpty else { return text.unicodeScalars.map { String($0) } }
  let bytes = Array(text.utf8)
  let mark = Array(separator.utf8)
  var parts: [String] = []
  var start = 0
  var index = 0
  while index + mark.count <= bytes.count {
    if bytes[index] == mark[0], bytes[index..<(index + mark.count)].elementsEqual(mark) {
      parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
      index += mark.count
      start = index
    } else {
      index += 1
    }
  }
  return parts + [String(decoding: bytes[start...], as: UTF8.self)]
}

/// `text` without the code points at either end that `isCut`.
func trimmed(_ text: String, _ isCut: (Unicode.Scalar) -> Bool) -> String {
  var rest = text.unicodeScalars[...]
  while let first = rest.first, isCut(first) { rest.removeFirst() }
  while let last = rest.last, isCut(last) { rest.removeLast() }
  return String(rest)
}

/// `text` with each code point mapped; where one would become several, it stays, as in Go.
func mapped(_ text: String, _ transform: (Unicode.Scalar) -> String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    let mapped = transform(scalar).unicodeScalars
    result.append(mapped.count == 1 ? mapped.first ?? scalar : scalar)
  }
  return String(result)
}

/// The parts joined with `/`, cleaned of `.`, `..` and doubled slashes; empty parts do not count.
func joinedPath(_ parts: [String]) -> String {
  let joined = parts.filter { !$0.isEmpty }.joined(separator: "/")
  guard !joined.isEmpty else { return "" }
  let isAbsolute = joined.utf8.first == UInt8(ascii: "/")
  var cleaned: [Substring] = []
  for part in joined.split(separator: "/") where part != "." {
    if part != ".." {
      cleaned.append(part)
    } else if let last = cleaned.last, last != ".." {
      cleaned.removeLast()
    } else if !isAbsolute {
      cleaned.append(part)
    }
  }
  let path = (isAbsolute ? "/" : "") + cleaned.joined(separator: "/")
  return path.isEmpty ? "." : path
}
