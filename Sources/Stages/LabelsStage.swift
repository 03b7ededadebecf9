// SPDX-License-Identifier: Apache-2.0

/// `stage.labels`: makes labels of what was extracted, or of structured metadata.
public final class LabelsStage: Stage {
  /// Where values come from.
  public enum Source: Sendable {
    /// What stages before extracted, the entry's labels included.
    case extracted
    /// The entry's structured metadata.
    case structuredMetadata
  }

  private let labels: [(name: [UInt8], source: [UInt8])]
  private let source: Source

  /// Sets the label that is a key of `values` to what its value names.
  public init(_ values: [String: String], from source: Source) {
    labels = values.sorted { $0.key < $1.key }.map { (Array($0.key.utf8), Array($0.value.utf8)) }
    self.source = source
  }

  /// Sets those labels for which there is a value.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    for index in labels.indices {
      let found =
        source == .extracted ? entry.extractedText(labels[index].source) : entry.metadata(labels[index].source)
      guard let found, isUTF8(entry.bytes.span.extracting(found)) else { continue }
      entry.setLabel(labels[index].name, to: found)
    }
    return .pass
  }
}
