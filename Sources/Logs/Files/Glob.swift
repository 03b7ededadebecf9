// SPDX-License-Identifier: Apache-2.0

/// A pattern that is not one.
public struct GlobError: Error, Equatable, CustomStringConvertible {
  /// What is wrong about it.
  public var description: String
}

/// A pattern of paths, as the doublestar library reads them: `*` and `?` within a name, `**` for any directories,
/// `[a-z]`, `[!a]`, `{one,two}`, and `\` before a character that means itself.
public struct Glob: Sendable, Equatable {
  /// A name, or what stands for one or several.
  enum Segment: Sendable, Equatable {
    case literal(String)
    case pattern([Token])
    /// `**`
    case directories
  }

  enum Token: Sendable, Equatable {
    case scalar(Unicode.Scalar)
    /// `?`
    case one
    /// `*`
    case any
    case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)
  }

  /// More alternatives than this are no pattern anybody meant.
  private static let mostAlternatives = 1000
  /// Braces within braces.
  private static let mostNesting = 20

  /// The patterns without braces that this one stands for, each in segments.
  let alternatives: [[Segment]]

  /// Reads `text`.
  public init(_ text: String) throws(GlobError) {
    var alternatives: [[Segment]] = []
    for plain in try Self.expandBraces(Array(text.unicodeScalars)) {
      alternatives.append(try Self.segments(plain))
    }
    self.alternatives = alternatives
  }

  /// Whether `text` has characters that make it a pattern.
  public static func isPattern(_ text: String) -> Bool { text.utf8.contains { "*?[{".utf8.contains($0) } }

  /// Whether the pattern stands for `path`.
  public func matches(_ path: String) -> Bool {
    let names = path.split(separator: "/", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
    return alternatives.contains { segments in
      Self.matches(names, segments, isAny: { $0 == .directories }) { Self.matches($1, $0) }
    }
  }

  /// Whether `segment` stands for `name`.
  static func matches(_ name: [Unicode.Scalar], _ segment: Segment) -> Bool {
    switch segment {
    case .literal(let text): Array(text.unicodeScalars) == name
    case .pattern(let tokens): matches(name, tokens)
    case .directories: true
    }
  }

  private static func matches(_ name: [Unicode.Scalar], _ tokens: [Token]) -> Bool {
    matches(name, tokens, isAny: { $0 == .any }, accepts)
  }

  /// With one place to come back to, the last `*` or `**`: time at most the product of the lengths.
  private static func matches<Element, Wanted>(
    _ elements: [Element], _ wanted: [Wanted], isAny: (Wanted) -> Bool, _ accepts: (Wanted, Element) -> Bool
  ) -> Bool {
    var (index, place) = (0, 0)
    var retry: (index: Int, place: Int)?
    while index < elements.count || place < wanted.count {
      if place < wanted.count {
        if isAny(wanted[place]) {
          retry = (index + 1, place)
          place += 1
          continue
        }
        if index < elements.count, accepts(wanted[place], elements[index]) {
          index += 1
          place += 1
          continue
        }
      }
      guard let last = retry, last.index <= elements.count else { return false }
      index = last.index
      place = last.place + 1
      retry = (last.index + 1, last.place)
    }
    return true
  }

  private static func accepts(_ token: Token, _ scalar: Unicode.Scalar) -> Bool {
    switch token {
    case .scalar(let own): own == scalar
    case .one, .any: true
    case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
    }
  }

  // MARK: Reading

  private static func expandBraces(_ text: [Unicode.Scalar]) throws(GlobError) -> [[Unicode.Scalar]] {
    var done: [[Unicode.Scalar]] = []
    var open = [text]
    while let next = open.popLast() {
      guard let braces = try firstBraces(next) else {
        done.append(next)
        continue
      }
      for choice in braces.choices.reversed() {
        open.append(Array(next[..<braces.start]) + choice + Array(next[braces.end...]))
      }
      guard open.count + done.count <= mostAlternatives else {
        throw GlobError(description: "the pattern has more than \(mostAlternatives) alternatives")
      }
    }
    return done
  }

  private static func firstBraces(
    _ text: [Unicode.Scalar]
  ) throws(GlobError) -> (start: Int, end: Int, choices: [[Unicode.Scalar]])? {
    var start: Int?
    var depth = 0
    var choices: [[Unicode.Scalar]] = [[]]
    var index = 0
    var isInSet = false
    while index < text.count {
      let scalar = text[index]
      let escaped = scalar == "\\" && index + 1 < text.count
      let part = escaped ? [scalar, text[index + 1]] : [scalar]
      index += part.count
      if !escaped {
        if scalar == "[" { isInSet = true } else if scalar == "]" { isInSet = false }
        if scalar == "{", !isInSet {
          depth += 1
          guard depth <= mostNesting else {
            throw GlobError(description: "the pattern has more than \(mostNesting) { within each other")
          }
          if depth == 1 {
            start = index - 1
            continue
          }
        } else if scalar == "}", depth > 0, !isInSet {
          depth -= 1
          if depth == 0, let start { return (start, index, choices) }
        } else if scalar == ",", depth == 1, !isInSet {
          choices.append([])
          continue
        }
      }
      if depth > 0 { choices[choices.count - 1] += part }
    }
    guard depth == 0 else { throw GlobError(description: "a { is not closed") }
    return nil
  }

  private static func segments(_ text: [Unicode.Scalar]) throws(GlobError) -> [Segment] {
    var segments: [Segment] = []
    for part in text.split(separator: "/", omittingEmptySubsequences: false) {
      // `a//b` is `a/b`; the empty name before the first slash stays, for it says that the path is absolute.
      if part.isEmpty, !segments.isEmpty { continue }
      segments.append(try segment(Array(part)))
    }
    return segments
  }

  private static func segment(_ text: [Unicode.Scalar]) throws(GlobError) -> Segment {
    if text == ["*", "*"] { return .directories }
    var tokens: [Token] = []
    var index = 0
    while index < text.count {
      switch text[index] {
      case "*": if tokens.last != .any { tokens.append(.any) }
      case "?": tokens.append(.one)
      case "[": tokens.append(try set(text, &index))
      case "\\" where index + 1 < text.count:
        index += 1
        tokens.append(.scalar(text[index]))
      default: tokens.append(.scalar(text[index]))
      }
      index += 1
    }
    var literal = String.UnicodeScalarView()
    for token in tokens {
      guard case .scalar(let scalar) = token else { return .pattern(tokens) }
      literal.append(scalar)
    }
    return .literal(String(literal))
  }

  /// Leaves `index` at the closing bracket.
  private static func set(_ text: [Unicode.Scalar], _ index: inout Int) throws(GlobError) -> Token {
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    index += 1
    let isNegated = index < text.count && (text[index] == "^" || text[index] == "!")
    if isNegated { index += 1 }
    func scalar() throws(GlobError) -> Unicode.Scalar {
      if index < text.count, text[index] == "\\" { index += 1 }
      guard index < text.count else { throw GlobError(description: "a [ is not closed") }
      defer { index += 1 }
      return text[index]
    }
    while index < text.count, text[index] != "]" {
      let first = try scalar()
      guard index + 1 < text.count, text[index] == "-", text[index + 1] != "]" else {
        ranges.append(first...first)
        continue
      }
      index += 1
      let last = try scalar()
      guard first <= last else { throw GlobError(description: "the range \(first)-\(last) is the wrong way round") }
      ranges.append(first...last)
    }
    guard index < text.count else { throw GlobError(description: "a [ is not closed") }
    guard !ranges.isEmpty else { throw GlobError(description: "a [] is empty") }
    return .set(ranges, isNegated: isNegated)
  }
}
