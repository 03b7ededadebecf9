// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Runtime
internal import Syntax
internal import Telemetry

/// `loki.write`: sends log entries to hubs, each through a queue of its own on disk.
final class LokiWrite: Component {
  private let arguments: LokiWriteArguments
  private let services: Services
  private let context: ComponentContext
  private let running = Destinations<LokiDestination>()

  static func kind(_ services: Services) -> ComponentKind {
    ComponentKind("loki.write") { block, context in
      LokiWrite(LokiWriteArguments(block, version: services.version), services: services, context: context)
    }
  }

  private init(_ arguments: LokiWriteArguments, services: Services, context: ComponentContext) {
    self.arguments = arguments
    self.services = services
    self.context = context
  }

  var exports: [String: Value] { ["receiver": context.logsReceiverExport] }

  func run() async throws {
    let health = EndpointHealth(context)
    let destinations = try await openAll(arguments.endpoints) { endpoint in
      try LokiDestination(
        endpoint, externalLabels: LabelSet(arguments.externalLabels), maxStreams: arguments.maxStreams,
        component: context.id, services: services,
        directory: "\(context.stateDirectory)/\(endpoint.common.directoryName)", log: context.log, health: health)
    }
    context.logsInlet.open(LokiFanout(destinations))
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
      await LokiWriteMetrics(destination).write(to: &batch)
    }
    return batch
  }
}

/// Hands each batch to every destination; returns once it is in all their queues.
private final class LokiFanout: LogsReceiver {
  private let destinations: [LokiDestination]

  init(_ destinations: [LokiDestination]) { self.destinations = destinations }

  func receive(_ batch: LogBatch) async throws {
    if destinations.count == 1 { return try await destinations[0].receive(batch) }
    try await withThrowingTaskGroup { group in
      for destination in destinations { group.addTask { try await destination.receive(batch) } }
      try await group.waitForAll()
    }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    var known: [LogDestination] = []
    for destination in destinations {
      known += try await destination.positions(of: origin, route: route, session: session)
    }
    return known
  }
}
