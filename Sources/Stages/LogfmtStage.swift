// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import RE2

/// `stage.logfmt`: takes values out of `key=value` text.
public final class LogfmtStage: Stage {
  private let mapping: [(name: [UInt8], key: [UInt8])]
  private let pattern: Pattern?
  private let source: [UInt8]?
  private var scratch: [UInt8] = []

  /// - Parameters:
  ///   - mapping: the names under which values are extracted, and their keys in the text.
  ///   - pattern: the keys that are extracted under their own names.
  ///   - source: what was extracted and is logfmt; the line if nil.
  public init(_ mapping: [String: String], keysMatching pattern: Pattern?, source: String?) {
    self.mapping = mapping.sorted { $0.key < $1.key }.map { (Array($0.key.utf8), Array($0.value.utf8)) }
    self.pattern = pattern
    self.source = source.map { Array($0.utf8) }
  }

  /// Extracts the values, up to where the text is no logfmt.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let range = source.map({ entry.extractedText($0) }) ?? entry.line else { return .pass }
    var reader = LogfmtReader()
    while let pair = reader.next(entry.bytes.span.extracting(range)) {
      let key = pair.key.shifted(by: range.lowerBound)
      let isMatched = pattern?.matches(entry.bytes.span.extracting(key)) ?? false
      let isMapped = mapping.contains { equal($0.key.span, entry.bytes.span.extracting(key)) }
      guard isMatched || isMapped else { continue }
      guard let value = value(of: pair, range.lowerBound, &entry) else { return .pass }
      for (name, wanted) in mapping where isMapped && equal(wanted.span, entry.bytes.span.extracting(key)) {
        entry.setExtracted(name, to: .text(value))
      }
      if isMatched { entry.setExtracted(nameAt: key, to: .text(value)) }
    }
    return .pass
  }

  /// Where the value stands, its escapes resolved; nil when it has one that does not exist.
  private func value(of pair: LogfmtReader.Pair, _ start: Int, _ entry: inout LogEntry) -> Range<Int>? {
    let value = pair.value.shifted(by: start)
    guard pair.isEscaped else { return value }
    scratch.removeAll(keepingCapacity: true)
    guard appendUnescaped(entry.bytes.span, value, to: &scratch) else { return nil }
    return entry.append(scratch)
  }
}

extension Range<Int> {
  /// The same, `count` further on.
  func shifted(by count: Int) -> Range<Int> { (lowerBound + count)..<(upperBound + count) }
}
