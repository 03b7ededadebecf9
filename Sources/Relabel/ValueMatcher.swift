// SPDX-License-Identifier: Apache-2.0

internal import RE2

/// A rule's regex, with the kinds that rules mostly use recognised, since they need no automaton:
/// `(.*)`, `.+`, and `one|two|three`.
enum ValueMatcher: Sendable {
  case anything
  case nonEmpty
  case oneOf([[UInt8]])
  case regex(Pattern)

  init(_ pattern: Pattern) {
    switch pattern.source {
    case "(.*)", ".*": self = .anything
    case "(.+)", ".+": self = .nonEmpty
    default:
      let words = pattern.source.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
      // Any byte that means something to a regex, and what is not ASCII, is left to RE2.
      let isPlain = words.count <= 16 && words.allSatisfy { $0.allSatisfy(Self.isPlain) }
      self = isPlain ? .oneOf(words.map(Array.init)) : .regex(pattern)
    }
  }

  /// Whether the whole of `text` matches.
  func matches(_ text: Span<UInt8>) -> Bool {
    switch self {
    case .anything: true
    case .nonEmpty: !text.isEmpty
    case .oneOf(let words): words.contains { isEqual($0.span, text) }
    case .regex(let pattern): pattern.matches(text)
    }
  }

  /// Whether the whole of `text` matches, and then its groups, the whole match first.
  func match(_ text: [UInt8], groups: inout [Range<Int>?]) -> Bool {
    if case .regex(let pattern) = self { return pattern.firstMatch(in: text.span, groups: &groups) }
    guard matches(text.span) else { return false }
    // Of the patterns without an automaton, those with a group have one around everything.
    groups.removeAll(keepingCapacity: true)
    groups.append(0..<text.count)
    groups.append(0..<text.count)
    return true
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "_-/:;,@ ".utf8.contains(byte)
    }
  }
}

/// Whether the bytes are the same.
func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  for index in 0..<left.count where left[index] != right[index] { return false }
  return true
}
