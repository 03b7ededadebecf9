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

  /// What a target in this process means: an exporter, or `/metrics` of the agent itself.
  func source(address: String, path: String) -> (any MetricSource)? {
    if address == localTargets.address, path == "/metrics" { return selfMetrics }
    return localTargets.source(address: address, path: path)
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

  /// The source a target with this address and metrics path means; nil when the address is not of this process.
  public func source(address: String, path: String) -> (any MetricSource)? {
    guard address == self.address else { return nil }
    return LocalTarget(targets: self, path: path)
  }

  fileprivate func registered(_ path: String) -> (any MetricSource)? { sources.withLock { $0[path] } }

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

/// What is at a path now, or will be in a moment: exporters start at the same time as those who scrape them.
private struct LocalTarget: MetricSource {
  static let patience: Int64 = 1_000_000_000

  let targets: LocalTargets
  let path: String

  func collect(into batch: consuming SeriesBatch, deadline: Int64) async throws -> SeriesBatch {
    let limit = min(deadline, monotonicNanoseconds() + Self.patience)
    while true {
      if let source = targets.registered(path) { return try await source.collect(into: batch, deadline: deadline) }
      guard monotonicNanoseconds() < limit else { throw LocalTargetMissing(address: targets.address, path: path) }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

/// A target of this process that is not there.
struct LocalTargetMissing: Error, CustomStringConvertible {
  var address: String
  var path: String

  var description: String { "no running component of this agent has the target \(address)\(path)" }
}
