// SPDX-License-Identifier: Apache-2.0

public import Linux
internal import Synchronization
public import Telemetry

/// What a pool asks the caller to fetch.
public struct ScrapeRequest: Sendable {
  /// The target; its `url` is what to get.
  public var target: ScrapeTarget
  /// `Accept`, `Accept-Encoding` and the timeout, to be sent as they are.
  public var headers: [(name: String, value: String)]
  /// Bytes after which, decompressed, to give up with `ScrapeError.bodyTooLarge`; 0 for no limit.
  public var bodySizeLimit: Int
  /// When to give up, in `monotonicNanoseconds`; the task is cancelled then.
  public var deadline: Int64
}

/// What came back.
public struct FetchedPage: Sendable {
  /// The HTTP status.
  public var status: Int
  /// The `Content-Type`, if there was one.
  public var contentType: String?
  /// The body, decompressed.
  public var body: [UInt8]

  /// A page.
  public init(status: Int, contentType: String?, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}

/// Scrapes the targets of one `prometheus.scrape`, each in a loop of its own.
public final class ScrapePool: Sendable {
  /// What a pool needs from the world.
  public struct World: Sendable {
    /// Fetches a page over HTTP.
    public var fetch: @Sendable (ScrapeRequest) async throws -> FetchedPage
    /// The source in this process behind an address and path; nil for everything else.
    public var localSource: @Sendable (_ address: String, _ path: String) -> (any MetricSource)?
    /// Takes batches; what it throws is logged and counted, and the batch is lost.
    public var deliver: @Sendable (SeriesBatch) async throws -> Void
    /// Told of every failed scrape (`scrape_failure_log_file`).
    public var onFailure: @Sendable (ScrapeTarget, ScrapeError) -> Void
    /// The clocks.
    public var clock: ScrapeClock
    /// The component's log.
    public var log: Log

    /// The world.
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

  /// A pool without targets.
  public init(_ world: World) {}

  /// Replaces targets and settings; loops of targets that stay the same are not disturbed.
  public func update(targets: [[String: String]], settings: ScrapeSettings) {}

  /// Scrapes until the task is cancelled; then stops at once and writes no staleness markers.
  public func run() async {}

  /// How each target does, in the order of their URLs.
  public var status: [TargetStatus] { [] }

  /// What the pool has done.
  public var statistics: ScrapeStatistics { ScrapeStatistics() }
}
