// SPDX-License-Identifier: Apache-2.0

public import RE2

/// `stage.structured_metadata`: makes structured metadata of what was extracted, and of labels, which it removes.
public final class StructuredMetadataStage: Stage {
  private let values: [(name: [UInt8], source: [UInt8])]
  private let pattern: Pattern?
  private var matching: [(name: Range<Int>, value: ExtractedValue)] = []

  /// Sets the metadata that is a key of `values` to what its value names, and takes all whose names `pattern` matches.
  public init(_ values: [String: String], pattern: Pattern?) {
    self.values = values.sorted { $0.key < $1.key }.map { (Array($0.key.utf8), Array($0.value.utf8)) }
    self.pattern = pattern
  }

  /// Sets the metadata for which there is a value.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    for (name, source) in values {
      guard let found = entry.extractedText(source), isUTF8(entry.bytes.span.extracting(found)) else { continue }
      entry.setMetadata(name, to: found)
    }
    if let pattern { takeExtracted(pattern, of: &entry) }
    for (name, source) in values {
      guard let found = entry.label(source) else { continue }
      entry.setMetadata(name, to: found)
      entry.removeLabel(source)
    }
    if let pattern { takeLabels(pattern, of: &entry) }
    return .pass
  }

  private func takeExtracted(_ pattern: Pattern, of entry: inout LogEntry) {
    matching.removeAll(keepingCapacity: true)
    entry.forEachExtracted { name, value in
      if pattern.matches(entry.bytes.span.extracting(name)) { matching.append((name, value)) }
    }
    for (name, value) in matching {
      guard let text = entry.text(of: value), isUTF8(entry.bytes.span.extracting(text)) else { continue }
      entry.setMetadata(nameAt: name, to: text)
    }
  }

  private func takeLabels(_ pattern: Pattern, of entry: inout LogEntry) {
    for index in (0..<entry.labelCount).reversed() {
      let label = entry.label(at: index)
      guard pattern.matches(entry.bytes.span.extracting(label.name)) else { continue }
      entry.setMetadata(nameAt: label.name, to: label.value)
      entry.removeLabel(at: index)
    }
  }
}
