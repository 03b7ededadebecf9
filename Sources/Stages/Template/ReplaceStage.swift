// SPDX-License-Identifier: Apache-2.0

public import RE2

/// `stage.replace`: what groups of a regular expression match becomes what a template makes of it.
public final class ReplaceStage: Stage {
  private let pattern: Pattern
  private let names: [(group: Int, name: [UInt8])]
  private let source: [UInt8]?
  private let template: GoTemplate
  private var fields = TemplateFields()
  private var groups: [Range<Int>?] = []
  private var made: [UInt8] = []
  private var output: [UInt8] = []

  /// - Parameter source: what was extracted and is changed; the line if nil.
  public init(_ pattern: Pattern, source: String?, template: GoTemplate) {
    self.pattern = pattern
    self.source = source.map { Array($0.utf8) }
    self.template = template
    names = (1..<(pattern.groupCount + 1)).compactMap { group in
      pattern.groupName(group).map { (group, Array($0.utf8)) }
    }
  }

  /// Replaces each group of each match, the outer ones where they overlap; text between stays. What the named ones of the
  /// first match became is extracted.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let range = source.map({ entry.extractedText($0) }) ?? entry.line else { return .pass }
    guard pattern.firstMatch(in: entry.bytes.span.extracting(range), groups: &groups) else { return .pass }
    fields.load(template, from: &entry)
    let text = Array(entry.bytes[range])
    guard let named = replace(text) else { return .pass }
    let result = entry.append(output)
    if let source { entry.setExtracted(source, to: .text(result)) } else { entry.line = result }
    for (name, value) in named { entry.setExtracted(name, to: .text(entry.append(value))) }
    return .pass
  }

  /// Writes the new text into `output`; returns what named groups became, or nil when the template fails or there is too
  /// much of it.
  private func replace(_ text: [UInt8]) -> [(name: [UInt8], value: [UInt8])]? {
    var named: [(name: [UInt8], value: [UInt8])] = []
    var copied = 0
    var isFirst = true
    var isComplete = true
    output.removeAll(keepingCapacity: true)
    forEachMatch(of: pattern, in: text, groups: &groups) { groups, _ in
      for (number, group) in groups.enumerated().dropFirst() {
        guard let group else { continue }
        made.removeAll(keepingCapacity: true)
        fields.set(templateValueName, to: Array(text[group]))
        isComplete = template.execute(fields, into: &made) && output.count <= text.count + GoTemplate.outputLimit
        guard isComplete else { return false }
        if isFirst, let name = names.first(where: { $0.group == number })?.name { named.append((name, made)) }
        guard copied <= group.lowerBound else { continue }
        output.append(contentsOf: text[copied..<group.lowerBound])
        output.append(contentsOf: made)
        copied = group.upperBound
      }
      isFirst = false
      return true
    }
    guard isComplete else { return nil }
    output.append(contentsOf: text[copied...])
    return named
  }
}
