// SPDX-License-Identifier: Apache-2.0

/// `stage.static_labels`: sets labels to what the configuration says.
public final class StaticLabelsStage: Stage {
  private let labels: [(name: [UInt8], value: [UInt8])]

  /// Sets these; those with an empty value it leaves alone.
  public init(_ values: [String: String]) {
    labels = values.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
      .map { (Array($0.key.utf8), Array($0.value.utf8)) }
  }

  /// Sets the labels.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    for (name, value) in labels {
      let value = entry.append(value.span)
      entry.setLabel(name, to: value)
    }
    return .pass
  }
}
