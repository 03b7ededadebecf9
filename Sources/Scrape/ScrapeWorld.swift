// SPDX-License-Identifier: Apache-2.0

public import Linux
public import Telemetry

/// What a pool needs from outside.
public struct ScrapeWorld: Sendable {
  /// Fetches a page over HTTP; must end soon after its task is cancelled.
  public var fetch: @Sendable (ScrapeRequest) async throws -> FetchedPage
  /// The source in this process behind an address and path; nil for everything else. It is trusted to keep its deadline:
  /// the loop waits for it.
  public var localSource: @Sendable (_ address: String, _ path: String) -> (any MetricSource)?
  /// Takes batches; what it throws is logged and counted, and the batch is lost. Holds back only the one target.
  public var deliver: @Sendable (SeriesBatch) async throws -> Void
  /// Told of every failed scrape (`scrape_failure_log_file`).
  public var onFailure: @Sendable (ScrapeTarget, ScrapeError) -> Void
  /// How long a loop that is being stopped waits for its last batch to be taken.
  public var grace: Duration = .seconds(2)
  /// The clocks.
  public var clock: ScrapeClock
  /// The component's log.
  public var log: Log

  /// A world of these parts.
  public init(
    fetch: @escaping @Sendable (ScrapeRequest) async throws -> FetchedPage,
    localSource: @escaping @Sendable (_ address: String, _ path: String) -> (any MetricSource)? = { _, _ in nil },
    deliver: @escaping @Sendable (SeriesBatch) async throws -> Void,
    onFailure: @escaping @Sendable (ScrapeTarget, ScrapeError) -> Void = { _, _ in },
    clock: ScrapeClock = .system, log: Log
  ) {
    self.fetch = fetch
    self.localSource = localSource
    self.deliver = deliver
    self.onFailure = onFailure
    self.clock = clock
    self.log = log
  }
}
