// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import RE2

/// What `stage.match` selects: entries whose labels and line meet all conditions.
public struct Selector: Sendable {
  /// How a label's value, or a part of the line, is compared.
  public enum Comparison: Sendable {
    /// The same text; of a line, found in it.
    case text([UInt8])
    /// A regular expression.
    case pattern(Pattern)
  }

  /// A condition on the value of a label; one that is missing is empty.
  public struct LabelMatcher: Sendable {
    var name: [UInt8]
    var comparison: Comparison
    var isNegated: Bool
  }

  /// A condition on the line.
  public struct LineFilter: Sendable {
    var comparison: Comparison
    var isNegated: Bool
  }

  /// Conditions on labels.
  public var matchers: [LabelMatcher]
  /// Conditions on the line.
  public var filters: [LineFilter]

  func selects(_ entry: LogEntry) -> Bool {
    let bytes = entry.bytes.span
    for matcher in matchers {
      let value = bytes.extracting(entry.label(matcher.name) ?? 0..<0)
      let isMet =
        switch matcher.comparison {
        case .text(let text): equal(value, text.span)
        case .pattern(let pattern): pattern.matches(value)
        }
      if isMet == matcher.isNegated { return false }
    }
    let line = bytes.extracting(entry.line)
    for filter in filters {
      let isMet =
        switch filter.comparison {
        case .text(let text): contains(line, text.span)
        case .pattern(let pattern): pattern.matches(line)
        }
      if isMet == filter.isNegated { return false }
    }
    return true
  }
}
