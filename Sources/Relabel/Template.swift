// SPDX-License-Identifier: Apache-2.0

internal import RE2

/// A `replacement` or `target_label`, read once as Go's `Regexp.Expand` reads it.
///
/// `$1` and `${1}` are groups by number, `$name` and `${name}` by name; a name is as long as it can be, so `$1x` is the
/// group called `1x`. A group that does not exist expands to nothing. `$$` is a dollar sign, and a dollar sign that
/// begins no reference stands for itself.
struct Template: Sendable {
  private enum Part {
    case literal([UInt8])
    case group(Int)
  }

  private var parts: [Part] = []

  init(_ text: String, for regex: Pattern) {
    var literal = ""
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      guard scalar == "$" else {
        literal.unicodeScalars.append(scalar)
        continue
      }
      if rest.first == "$" {
        rest.removeFirst()
        literal += "$"
      } else if let name = Self.takeReference(&rest) {
        flush(&literal)
        if let group = Self.group(called: name, in: regex) { parts.append(.group(group)) }
      } else {
        literal += "$"
      }
    }
    flush(&literal)
  }

  /// What it expands to where it refers to no group; nil where it does.
  var constant: [UInt8]? {
    switch (parts.count, parts.first) {
    case (0, _): []
    case (1, .literal(let bytes)): bytes
    default: nil
    }
  }

  /// Replaces the contents of `output` with the template, expanded with the groups found in `text`.
  func expand(_ groups: [Range<Int>?], in text: [UInt8], into output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    for part in parts {
      switch part {
      case .literal(let bytes): output.append(contentsOf: bytes)
      case .group(let number):
        if number < groups.count, let range = groups[number] { output.append(contentsOf: text[range]) }
      }
    }
  }

  private mutating func flush(_ literal: inout String) {
    guard !literal.isEmpty else { return }
    parts.append(.literal(Array(literal.utf8)))
    literal = ""
  }

  /// The name after a dollar sign, taken from `rest`; nil, and `rest` as it was, where there is none.
  private static func takeReference(_ rest: inout Substring.UnicodeScalarView) -> String? {
    var ahead = rest
    let isBraced = ahead.first == "{"
    if isBraced { ahead.removeFirst() }
    let name = ahead.prefix(while: isNameScalar)
    guard !name.isEmpty else { return nil }
    ahead = ahead[name.endIndex...]
    if isBraced {
      guard ahead.popFirst() == "}" else { return nil }
    }
    rest = ahead
    return String(name)
  }

  private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber: true
    default: scalar == "_"
    }
  }

  /// Numbers are plain decimals without leading zeros; everything else is a name.
  private static func group(called name: String, in regex: Pattern) -> Int? {
    let isNumber = name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    if isNumber, name == "0" || !name.hasPrefix("0") {
      guard let number = Int(name), number <= regex.groupCount else { return nil }
      return number
    }
    return regex.groupNumber(named: name)
  }
}
