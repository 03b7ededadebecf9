// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Runtime
internal import Synchronization
internal import Syntax
internal import Telemetry

/// `loki.write`: sends log entries to hubs, each through a queue of its own on disk.
final class LokiWrite: Component {
  private let arguments: LokiWriteArguments
  private let services: Services
  private let context: ComponentContext
  private let running = Mutex<[LokiDestination]>([])

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
    let destinations = try await open()
    running.withLock { $0 = destinations }
    context.logsInlet.open(LokiFanout(destinations))
    context.reportHealthy()
    await withTaskGroup { group in
      for destination in destinations { group.addTask { await destination.run() } }
      await untilCancelled()  // without an endpoint, too: what comes is let go
    }
    running.withLock { $0 = [] }
  }

  /// Opens every queue, or none.
  private func open() async throws -> [LokiDestination] {
    let health = EndpointHealth(context)
    var opened: [LokiDestination] = []
    do {
      for endpoint in arguments.endpoints {
        opened.append(
          try LokiDestination(
            endpoint, externalLabels: LabelSet(arguments.externalLabels), maxStreams: arguments.maxStreams,
            component: context.id, services: services,
            directory: "\(context.stateDirectory)/\(endpoint.common.directoryName)", log: context.log, health: health))
      }
    } catch {
      for destination in opened { await destination.close() }
      throw error
    }
    return opened
  }

  func check(timeout: Duration) async -> [Finding] {
    if arguments.endpoints.isEmpty {
      return [Finding(.warning, context.id, "there is no endpoint", remedy: "add an endpoint block with a url")]
    }
    var findings: [Finding] = []
    for endpoint in arguments.endpoints {
      let target = endpoint.endpoint(version: services.version)
      findings.append(await endpoint.common.check(context.id, services, target, timeout: timeout))
    }
    return findings
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    for destination in running.withLock({ $0 }) {
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
