// SPDX-License-Identifier: Apache-2.0

internal import Runtime
internal import Synchronization
internal import Syntax
internal import Telemetry

/// What all exporters are: a source in this process that can be scraped while the component runs.
final class LocalExporter: Sendable {
  private let makeSource: @Sendable () -> any MetricSource
  private let services: Services
  private let context: ComponentContext
  private let name: String
  private let job: String
  private let source = Mutex<(any MetricSource)?>(nil)

  init(
    services: Services, context: ComponentContext, name: String, job: String,
    makeSource: @Sendable @escaping () -> any MetricSource
  ) {
    self.makeSource = makeSource
    self.services = services
    self.context = context
    self.name = name
    self.job = job
  }

  var exports: [String: Value] {
    let target = services.localTargets.target(of: context.id, component: name, job: job)
    return ["targets": .array([.object(target.mapValues { .string($0) })])]
  }

  func run() async {
    let path = LocalTargets.path(of: context.id)
    let source = makeSource()
    self.source.withLock { $0 = source }
    services.localTargets.add(source, path: path)
    context.reportHealthy()
    await untilCancelled()
    services.localTargets.remove(path: path)
    self.source.withLock { $0 = nil }
  }

  /// Returns once the source has answered.
  func answer() async { await source.withLock { $0 }?.answer() }
}

/// Sleeps until the task is cancelled.
func untilCancelled() async {
  while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400 * 365)) }
}
