// SPDX-License-Identifier: Apache-2.0

/// What `prometheus.scrape` says about all targets of one pool; the defaults are Alloy's.
///
/// Limits of 0 mean "no limit". What exceeds one fails the whole scrape.
public struct ScrapeSettings: Sendable, Equatable {
  /// When the first scrape of a target happens.
  public enum InitialDelay: Sendable, Equatable {
    /// At a moment of the interval that depends on the target, so that a thousand targets are not scraped at once.
    case spread
    /// At once.
    case immediate
  }

  /// The `job` label of targets that bring none.
  public var jobName: String
  /// The time between two scrapes.
  public var interval: Duration = .seconds(60)
  /// How long one scrape may take; at most the interval.
  public var timeout: Duration = .seconds(10)
  /// The path of targets that bring none.
  public var metricsPath = "/metrics"
  /// `http` or `https`, for targets that bring none.
  public var scheme = "http"
  /// Query parameters.
  public var params: [String: [String]] = [:]
  /// Whether scraped labels win over the target's.
  public var honorLabels = false
  /// Whether timestamps in the page are used.
  public var honorTimestamps = true
  /// Whether series with timestamps of their own get staleness markers.
  public var trackTimestampsStaleness = false
  /// Whether the timeout, the sample limit and the size of the page are reported as series.
  public var extraMetrics = false
  /// Whether the target may compress its answer.
  public var enableCompression = true
  /// Bytes of a page, after decompression.
  public var bodySizeLimit = 0
  /// Samples of a scrape.
  public var sampleLimit = 0
  /// Targets of the pool.
  public var targetLimit = 0
  /// Labels of a series, its name and the target's labels included.
  public var labelLimit = 0
  /// Bytes of a label's name.
  public var labelNameLengthLimit = 0
  /// Bytes of a label's value.
  public var labelValueLengthLimit = 0
  /// What the target is asked for, the best first.
  public var protocols: [ScrapeProtocol] = ScrapeProtocol.allCases
  /// How a page is read whose `Content-Type` says nothing useful; nil refuses it.
  public var fallbackProtocol: ScrapeProtocol? = .prometheusText0_0_4
  /// What becomes of names that Prometheus 2 would not have accepted.
  public var nameEscaping: NameEscaping = .underscores
  /// When the first scrape happens.
  public var initialDelay: InitialDelay = .spread
  /// Shifts the moment of the interval at which targets are scraped; hosts with different seeds do not scrape the same
  /// target at the same moment.
  public var offsetSeed: UInt64 = 0

  /// The defaults, for a job called `jobName`.
  public init(jobName: String) { self.jobName = jobName }

  /// Why these settings cannot work; nil when they can.
  public var problem: String? {
    if interval < .milliseconds(1) { return "scrape_interval must be greater than 0" }
    if timeout < .milliseconds(1) { return "scrape_timeout must be greater than 0" }
    if timeout > interval {
      return "scrape_timeout (\(prometheusText(timeout))) greater than scrape_interval (\(prometheusText(interval))) "
        + "for scrape config with job name \"\(jobName)\""
    }
    if protocols.isEmpty { return "scrape_protocols must name at least one protocol" }
    return nil
  }
}
