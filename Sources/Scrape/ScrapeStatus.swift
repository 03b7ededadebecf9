// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// How one target does; for the debug page.
public struct TargetStatus: Sendable, Equatable {
  /// What the last scrape said.
  public enum Health: String, Sendable {
    /// Not scraped yet.
    case unknown
    /// Answered, and was understood.
    case up
    /// Did not.
    case down
  }

  /// The target's `job`.
  public var job: String
  /// Where it is.
  public var url: String
  /// How the last scrape went.
  public var health: Health = .unknown
  /// What its series carry.
  public var labels: LabelSet
  /// Why the last scrape failed; empty when it did not.
  public var lastError = ""
  /// When it was last scraped, in nanoseconds since 1970.
  public var lastScrape: Int64?
  /// How long that took.
  public var lastScrapeDuration: Duration = .zero

  init(_ target: ScrapeTarget) {
    job = target.labels["job"] ?? ""
    url = target.url
    labels = target.labels
  }
}

/// What a pool has done since it was made; all but the last two only grow.
public struct ScrapeStatistics: Sendable, Equatable {
  /// Scrapes that were finished, failed ones included.
  public var scrapes = 0
  /// Those that failed.
  public var failedScrapes = 0
  /// Samples given to the receiver, markers and reports included.
  public var forwardedSamples = 0
  /// Samples the receiver did not take; they are lost.
  public var undeliveredSamples = 0
  /// Samples left out because their series had one already.
  public var duplicateSamples = 0
  /// Scrapes that failed for `sample_limit`.
  public var exceededSampleLimit = 0
  /// Scrapes that failed for `label_limit` or its kin.
  public var exceededLabelLimits = 0
  /// Scrapes that failed for `body_size_limit`.
  public var exceededBodySizeLimit = 0
  /// Times the pool got more targets than `target_limit`.
  public var exceededTargetLimit = 0
  /// Targets now scraped.
  public var targets = 0
  /// Targets now dropped because they cannot be scraped.
  public var droppedTargets = 0
}
