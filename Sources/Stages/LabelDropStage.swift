// SPDX-License-Identifier: Apache-2.0

/// `stage.label_drop`: removes labels.
public final class LabelDropStage: Stage {
  private let names: [[UInt8]]

  /// Removes these.
  public init(_ names: [String]) { self.names = names.map { Array($0.utf8) } }

  /// Removes what the entry has of them.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    for name in names { entry.removeLabel(name) }
    return .pass
  }
}
