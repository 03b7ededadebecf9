// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Linux
internal import Relabel
internal import Runtime
internal import Syntax
internal import Telemetry

/// `prometheus.remote_write`: sends samples to hubs, each through a queue of its own on disk.
final class PrometheusRemoteWrite: Component {
  private let arguments: RemoteWriteArguments
  private let services: Services
  private let context: ComponentContext
  private let running = Destinations<RemoteWriteDestination>()

  static func kind(_ services: Services) -> ComponentKind {
    ComponentKind("prometheus.remote_write") { block, context in
      PrometheusRemoteWrite(
        RemoteWriteArguments(block, version: services.version), services: services, context: context)
    }
  }

  private init(_ arguments: RemoteWriteArguments, services: Services, context: ComponentContext) {
    self.arguments = arguments
    self.services = services
    self.context = context
  }

  var exports: [String: Value] { ["receiver": context.receiverExport] }

  func run() async throws {
    let health = EndpointHealth(context)
    let destinations = try await openAll(arguments.endpoints) { endpoint in
      try RemoteWriteDestination(
        endpoint, externalLabels: LabelSet(arguments.externalLabels), services: services,
        directory: "\(context.stateDirectory)/\(endpoint.common.directoryName)", log: context.log, health: health)
    }
    context.metricsInlet.open(RemoteWriteFanout(destinations))
    context.reportHealthy()
    await running.run(destinations)
  }

  func check(timeout: Duration) async -> [Finding] {
    await EndpointArguments.check(
      arguments.endpoints.map { ($0.common, $0.endpoint(version: services.version)) }, of: context.id, services,
      timeout: timeout)
  }

  func vitals() async -> Vitals { await running.vitals }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    for destination in running.all {
      await RemoteWriteMetrics(destination).write(to: &batch)
    }
    return batch
  }
}

/// Hands each batch to every destination; returns once it is in all their queues.
private final class RemoteWriteFanout: MetricsReceiver {
  private let destinations: [RemoteWriteDestination]

  init(_ destinations: [RemoteWriteDestination]) { self.destinations = destinations }

  func receive(_ batch: SeriesBatch) async throws {
    if destinations.count == 1 { return try await destinations[0].enqueue(batch) }
    // Each queue syncs its own files: at the same time, not one after the other.
    let failures = await withTaskGroup(of: (any Error)?.self) { group in
      for destination in destinations {
        group.addTask {
          do {
            try await destination.enqueue(batch)
            return nil
          } catch { return error }
        }
      }
      return await group.reduce(into: [any Error]()) { if let error = $1 { $0.append(error) } }
    }
    if let first = failures.first { throw first }
  }
}
