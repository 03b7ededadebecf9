// SPDX-License-Identifier: Apache-2.0

/// `stage.sampling`: keeps a share of the entries, chosen at random.
public final class SamplingStage: Stage {
  /// What its drops are counted as.
  public let dropReason: String
  private let rate: Double

  /// Keeps `rate` of all entries, from 0 for none to 1 for all.
  public init(rate: Double, reason: String) {
    self.rate = rate
    dropReason = reason
  }

  /// Drops the entry, or lets it pass.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    Double.random(in: 0..<1) < rate ? .pass : .drop
  }
}
