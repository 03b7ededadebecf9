// SPDX-License-Identifier: Apache-2.0

/// `stage.match` with `action = "keep"`: nested stages work on what it selects, all else passes them by.
final class MatchStage: Stage {
  private let selector: Selector
  private let skips: Int

  init(_ selector: Selector, skips: Int) {
    self.selector = selector
    self.skips = skips
  }

  func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard selector.selects(entry) else { return .skip(skips) }
    // A nested pipeline begins as any other does.
    entry.extractLabels()
    return .pass
  }
}
