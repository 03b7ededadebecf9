// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Linux
internal import Queue
internal import Runtime
internal import Telemetry

/// One hub for logs: gathers batches for a moment, writes them into its queue as one block together with their sources'
/// positions, and only then lets the sources go on.
///
/// Whoever waits may be cancelled at any time; what becomes of its batch then, only the positions in the queue tell.
actor LokiDestination: LogsReceiver {
  private struct Waiting {
    var ticket: UInt64
    var batch: LogBatch
    var done: CheckedContinuation<Void, any Error>
  }

  nonisolated let name: String
  nonisolated let url: String
  nonisolated let host: String
  nonisolated let tenant: String
  nonisolated let delivery: QueuedDelivery
  private nonisolated let id: String
  private let log: Log
  private let batchWait: Duration
  private let batchBytes: Int
  private var encoder: LogBlockEncoder
  private var origins = OriginRoutes()

  private var lastTicket: UInt64 = 0
  private var waiting: [Waiting] = []
  private var inFlight: [Waiting] = []  // being written
  private var writing: Set<String> = []  // the origins of what is being written, whoever still waits for it
  private var arrival: CheckedContinuation<Void, Never>?
  private var gathering: Task<Void, Never>?
  private var isClosed = false

  init(
    _ endpoint: LokiWriteEndpoint, externalLabels: LabelSet, maxStreams: Int, component: String, services: Services,
    directory: String, log: Log, health: EndpointHealth
  ) throws {
    name = endpoint.common.displayName
    url = endpoint.common.address.withoutUserInfo
    host = endpoint.common.address.host
    tenant = endpoint.common.tenant
    id = "\(component)/\(endpoint.common.directoryName)"
    self.log = log
    batchWait = endpoint.batchWait
    batchBytes = endpoint.batchBytes
    encoder = LogBlockEncoder(externalLabels: externalLabels, tenant: tenant, maxStreams: maxStreams)
    delivery = try QueuedDelivery(
      endpoint.endpoint(version: services.version), client: endpoint.common.client, sender: endpoint.sender,
      services: services, queue: directory, overflow: .pause, log: log,
      onVerdict: { [name, url] problem in health.note(problem.map { "\(url) \($0)" }, of: name) })
  }

  /// Takes what comes and delivers it until cancelled.
  func run() async {
    await delivery.run { await self.gather() }
  }

  func close() async { await delivery.close() }

  // MARK: In

  func receive(_ batch: LogBatch) async throws {
    guard origins.knows(batch) else { throw UnknownOrigin(origin: batch.origin) }
    if let audience = batch.audience, !audience.contains(destinationID(batch.route)) { return }
    guard !batch.isEmpty else { return }
    try Task.checkCancellation()
    lastTicket += 1
    let ticket = lastTicket
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
        guard !isClosed else { return done.resume(throwing: CancellationError()) }
        waiting.append(Waiting(ticket: ticket, batch: batch, done: done))
        arrival?.resume()
        arrival = nil
        if isUrgent { gathering?.cancel() }
      }
    } onCancel: {
      Task { await self.cancel(ticket) }
    }
  }

  private func cancel(_ ticket: UInt64) {
    if let index = waiting.firstIndex(where: { $0.ticket == ticket }) {
      waiting.remove(at: index).done.resume(throwing: CancellationError())
    } else if let index = inFlight.firstIndex(where: { $0.ticket == ticket }) {
      inFlight.remove(at: index).done.resume(throwing: CancellationError())
    }
  }

  /// Whether what waits need not wait for more.
  private var isUrgent: Bool {
    var bytes = 0
    for waiting in waiting {
      if waiting.batch.moreFollows { return true }
      bytes += waiting.batch.bytes.count
    }
    return bytes >= batchBytes
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    for waiting in waiting where waiting.batch.origin == origin { cancel(waiting.ticket) }
    // What is being written may arrive yet. It takes a moment, or as long as the queue is full, when nobody goes on.
    while writing.contains(origin) { try await Task.sleep(for: .milliseconds(20)) }
    let stored = await delivery.queue.positions(withPrefix: PositionKey.prefix(of: origin))
    let positions = origins.ask(origin, route, session: session, stored: stored)
    return [LogDestination(id: destinationID(route), positions: positions)]
  }

  private nonisolated func destinationID(_ route: [String]) -> String {
    route.isEmpty ? id : "\(id) via \(route.joined(separator: ","))"
  }

  // MARK: Into the queue

  /// Writes what comes until cancelled, and then what nobody could read again.
  private func gather() async {
    while !Task.isCancelled {
      await firstArrival()
      if !waiting.isEmpty, !isUrgent { await pause() }
      if Task.isCancelled { break }
      await write()
    }
    isClosed = true
    let last = Task { await self.write() }
    let limit = Task {
      try await Task.sleep(for: .seconds(1))
      last.cancel()
    }
    await last.value
    limit.cancel()
  }

  private func firstArrival() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard waiting.isEmpty, !Task.isCancelled else { return continuation.resume() }
        arrival = continuation
      }
    } onCancel: {
      Task { await self.wake() }
    }
  }

  private func wake() {
    arrival?.resume()
    arrival = nil
    gathering?.cancel()
  }

  /// Waits for company, unless there is enough of it.
  private func pause() async {
    let pause = Task { [batchWait] in _ = try? await Task.sleep(for: batchWait) }
    gathering = pause
    await withTaskCancellationHandler {
      await pause.value
    } onCancel: {
      pause.cancel()
    }
    gathering = nil
  }

  /// Writes what waits, all of it as one block where it fits, and lets those go on who brought it.
  private func write() async {
    guard !waiting.isEmpty else { return }
    inFlight = waiting
    waiting = []
    let batches = inFlight.map(\.batch)
    writing = Set(batches.map(\.origin))
    defer {
      inFlight = []
      writing = []
    }
    let blocks = encoder.encode(
      batches, positions: origins.positions(after: batches), now: wallClockMilliseconds())
    for warning in encoder.takeWarnings() { log.warn(warning, ("url", url)) }
    do {
      if !blocks.isEmpty { try await delivery.queue.append(blocks) }
      for written in inFlight { written.done.resume() }
    } catch {
      for failed in inFlight { failed.done.resume(throwing: error) }
    }
  }

  // MARK: State

  /// What was left out of blocks, by reason.
  var dropped: [LogBlockEncoder.DropReason: LogBlockEncoder.Dropped] { encoder.dropped }
  /// Lines that were cut to what Loki takes.
  var cutLines: Int { encoder.cutLines }
}
