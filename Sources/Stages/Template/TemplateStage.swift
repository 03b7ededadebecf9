// SPDX-License-Identifier: Apache-2.0

/// `stage.template`: what was extracted becomes what a template makes of it.
public final class TemplateStage: Stage {
  private let source: [UInt8]
  private let template: GoTemplate
  private var fields = TemplateFields()
  private var output: [UInt8] = []

  /// Sets what is extracted as `source`.
  public init(source: String, template: GoTemplate) {
    self.source = Array(source.utf8)
    self.template = template
  }

  /// Applies the template; what it makes nothing of is removed, and what it fails on stays.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    fields.load(template, from: &entry)
    if let value = entry.extractedText(source) { fields.set(templateValueName, to: Array(entry.bytes[value])) }
    fields.set(templateEntryName, to: Array(entry.bytes[entry.line]))
    output.removeAll(keepingCapacity: true)
    guard template.execute(fields, into: &output) else { return .pass }
    if output.isEmpty {
      entry.removeExtracted(source)
    } else {
      entry.setExtracted(source, to: .text(entry.append(output)))
    }
    return .pass
  }
}

/// What templates call the value they are to replace, and the line.
let (templateValueName, templateEntryName) = (Array("Value".utf8), Array("Entry".utf8))

extension TemplateFields {
  /// Takes what was extracted, as far as `template` asks for it.
  mutating func load(_ template: GoTemplate, from entry: inout LogEntry) {
    removeAll()
    var names = template.fieldNames
    if template.usesAll {
      var all: [Range<Int>] = []
      entry.forEachExtracted { name, _ in all.append(name) }
      names = all.map { Array(entry.bytes[$0]) }
    }
    for name in names {
      if let text = entry.extractedText(name) { set(name, to: Array(entry.bytes[text])) }
    }
  }
}
