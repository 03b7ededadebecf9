// SPDX-License-Identifier: Apache-2.0

public import Linux
public import Syntax
public import Telemetry

/// One running block of the configuration.
///
/// Made by its `ComponentKind` without side effects; whatever it opens, it opens in `run`.
public protocol Component: AnyObject, Sendable {
  /// What others can refer to, as far as it is known before the component runs.
  var exports: [String: Value] { get }

  /// Does the component's work until its task is cancelled, then lets go of everything and returns.
  ///
  /// An error makes the component unhealthy with that reason; it is run again after a pause.
  func run() async throws

  /// Takes new arguments without stopping; false means the component must be stopped and made anew.
  ///
  /// A component that does, publishes what that changes about its exports.
  func update(_ arguments: EvaluatedBlock) async -> Bool

  /// Finds out, once and without running, whether the component could do its work: `agent check`.
  func check(timeout: Duration) async -> [Finding]

  /// Says how it is getting on; returns once every thread of the component has answered. A hub that is away or hangs is
  /// no reason not to: what waits for it waits in a queue.
  func vitals() async -> Vitals

  /// Appends the component's own metrics to `batch`; the runtime adds the labels that name the component,
  /// `component_path` and `component_id`.
  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch
}

extension Component {
  /// Nothing to refer to.
  public var exports: [String: Value] { [:] }

  /// Most components are cheap to make anew.
  public func update(_ arguments: EvaluatedBlock) async -> Bool { false }

  /// Nothing that could be found out.
  public func check(timeout: Duration) async -> [Finding] { [] }

  /// No queue and no thread.
  public func vitals() async -> Vitals { Vitals() }

  /// No metrics of its own.
  public func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch { batch }
}

/// What can be written in a configuration: a name, and how its arguments become a component.
public struct ComponentKind: Sendable {
  /// The name before the label, such as `prometheus.scrape`.
  public let name: String
  /// Reads the arguments, reporting every mistake to the decoder, and makes the component without starting anything.
  ///
  /// What it returns is used only when the decoder found no mistake.
  public let make: @Sendable (BlockDecoder, ComponentContext) -> (any Component)?

  /// A kind of component.
  public init(_ name: String, make: @Sendable @escaping (BlockDecoder, ComponentContext) -> (any Component)?) {
    self.name = name
    self.make = make
  }
}

/// What the runtime gives a component.
public struct ComponentContext: Sendable {
  /// The component's id with the path of its modules, such as `prometheus.scrape.metrics_scraper`.
  public let id: String
  /// Its log, which names it.
  public let log: Log
  /// The directory in which it may keep state; not yet made.
  public let stateDirectory: String
  /// Where others send samples to this component; the same one as long as the id exists, whatever is reloaded.
  public let metricsInlet: MetricsInlet
  /// Where others send log entries to this component; as lasting.
  public let logsInlet: LogsInlet
  let handle: ComponentHandle
  let tenure: Int

  /// Says that the component does its work.
  public func reportHealthy() { handle.report(.healthy, by: tenure) }

  /// Says that the component cannot do its work, and why; it goes on trying.
  public func reportUnhealthy(_ reason: String) { handle.report(.unhealthy(reason), by: tenure) }

  /// Replaces the component's exports; what refers to them is evaluated again.
  ///
  /// Passed over unless the component runs. What was published stays, also when the component is made anew, until that
  /// one publishes: others should not see targets vanish because an argument changed.
  public func publish(_ exports: [String: Value]) { handle.publish(exports, by: tenure) }
}
