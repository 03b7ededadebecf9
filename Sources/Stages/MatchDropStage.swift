// SPDX-License-Identifier: Apache-2.0

/// `stage.match` with `action = "drop"`: drops what it selects.
public final class MatchDropStage: Stage {
  /// What its drops are counted as.
  public let dropReason: String
  private let selector: Selector

  /// Drops what `selector` selects.
  public init(_ selector: Selector, reason: String) {
    self.selector = selector
    dropReason = reason
  }

  /// Drops the entry, or lets it pass.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    selector.selects(entry) ? .drop : .pass
  }
}
