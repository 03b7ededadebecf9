// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `stage.label_keep`: removes all labels but some.
public final class LabelKeepStage: Stage {
  private let names: [[UInt8]]

  /// Keeps these.
  public init(_ names: [String]) { self.names = names.map { Array($0.utf8) } }

  /// Removes what the entry has besides them.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    for index in (0..<entry.labelCount).reversed() where !isKept(entry.label(at: index).name, of: entry) {
      entry.removeLabel(at: index)
    }
    return .pass
  }

  private func isKept(_ name: Range<Int>, of entry: LogEntry) -> Bool {
    for kept in names where equal(kept.span, entry.bytes.span.extracting(name)) { return true }
    return false
  }
}
