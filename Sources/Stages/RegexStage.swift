// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import RE2

/// `stage.regex`: takes what named groups match.
public final class RegexStage: Stage {
  private let pattern: Pattern
  private let names: [(group: Int, name: [UInt8], isLabel: Bool)]
  private let source: [UInt8]?
  private var groups: [Range<Int>?] = []

  /// - Parameters:
  ///   - source: what was extracted and is searched; the line if nil.
  ///   - setsLabels: whether groups become labels too.
  public init(_ pattern: Pattern, source: String?, setsLabels: Bool) {
    self.pattern = pattern
    self.source = source.map { Array($0.utf8) }
    names = (1..<(pattern.groupCount + 1)).compactMap { group in
      pattern.groupName(group).map { name in
        (group, Array(name.utf8), setsLabels && isLabelName(Array(name.utf8)))
      }
    }
  }

  /// Extracts the groups of the first match; those that took no part are empty.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let range = source.map({ entry.extractedText($0) }) ?? entry.line else { return .pass }
    guard pattern.firstMatch(in: entry.bytes.span.extracting(range), groups: &groups) else { return .pass }
    for index in names.indices {
      let text = groups[names[index].group]?.shifted(by: range.lowerBound) ?? range.lowerBound..<range.lowerBound
      entry.setExtracted(names[index].name, to: .text(text))
      guard names[index].isLabel, isUTF8(entry.bytes.span.extracting(text)) else { continue }
      entry.setLabel(names[index].name, to: text)
    }
    return .pass
  }
}

/// Letters, digits and underscores, not beginning with a digit.
private func isLabelName(_ name: [UInt8]) -> Bool {
  guard let first = name.first, first &- 0x30 >= 10 else { return false }
  return name.allSatisfy(isNameByte)
}
