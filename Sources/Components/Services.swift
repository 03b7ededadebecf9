// SPDX-License-Identifier: Apache-2.0

public import HTTP
internal import Linux
internal import Synchronization
public import Telemetry

/// What the program shares with its components.
public struct Services: Sendable {
  /// The event loop all connections live on.
  public var network: Network
  /// The agent's version, for the `User-Agent` of its requests.
  public var version: String
  /// The sources in this process that targets can name.
  public var localTargets: LocalTargets
  /// The agent's own metrics.
  public var selfMetrics: any MetricSource
  /// Whether the first scrape happens at once instead of somewhere in the first interval.
  public var scrapeAtOnce: Bool

  /// The most bytes one destination's queue may take on disk; then the oldest samples are dropped, and counted.
  public var queueBytes: Int64

  /// What components share.
  public init(
    network: Network, version: String, localTargets: LocalTargets, selfMetrics: any MetricSource,
    scrapeAtOnce: Bool = false, queueBytes: Int64 = 512 << 20
  ) {
    self.queueBytes = queueBytes
    self.network = network
    self.version = version
    self.localTargets = localTargets
    self.selfMetrics = selfMetrics
    self.scrapeAtOnce = scrapeAtOnce
  }
}

/// Metric sources in this process, by the path that follows the pseudo address in a target.
///
/// A target is a map of labels and passes through `discovery.relabel` and the language's functions like any other, so
/// what it stands for is looked up by its address when it is scraped.
public final class LocalTargets: Sendable {
  /// The host and port that mean "this process"; no connection is made to it.
  public let address: String
  private let sources = Mutex<[String: any MetricSource]>([:])

  /// Targets of `address` are looked up here.
  public init(address: String = "alloy.internal:12345") { self.address = address }

  /// The source a target with this address and metrics path means; nil when there is none (now).
  public func source(address: String, path: String) -> (any MetricSource)? {
    guard address == self.address else { return nil }
    return sources.withLock { $0[path] }
  }

  func add(_ source: any MetricSource, path: String) { sources.withLock { $0[path] = source } }

  func remove(path: String) { sources.withLock { $0[path] = nil } }

  /// Where component `id` is scraped.
  static func path(of id: String) -> String { "/api/v0/component/\(id)/metrics" }

  /// The one target an exporter exports.
  func target(of id: String, component: String, job: String) -> [String: String] {
    let instance = environmentVariable("HOSTNAME").flatMap { $0.isEmpty ? nil : $0 } ?? hostname()
    return [
      "__address__": address,
      "__scheme__": "http",
      "__metrics_path__": Self.path(of: id),
      "__meta_component_name": component,
      "__meta_component_id": id,
      "job": job,
      "instance": instance,
    ]
  }
}
