// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Stages
internal import Telemetry

/// Puts batches through the pipeline of a `loki.process`, one after the other, and hands on what comes of them.
///
/// The lines its stages keep are not written anywhere: their source's position stays before them, and after a restart
/// they are read again. Only those that nobody could read again are handed on when the component stops.
actor ProcessReceiver: LogsReceiver {
  /// While something is kept, how often a deadline that came up meanwhile is looked for.
  private static let longestSleep: Int64 = 250_000_000
  /// How long a stop waits for what nobody could read again.
  private static let longestGoodbye = Duration.seconds(2)

  private var pipeline: Pipeline
  private let id: String
  private let next: LogsFanout
  private let log: Log
  private let turns = Turns()
  private let (kept, keepsSomething) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  private var known: Set<String> = []
  private var isStopped = false

  init(_ steps: [PipelineStep], id: String, next: LogsFanout, log: Log) {
    pipeline = Pipeline(steps)
    self.id = id
    self.next = next
    self.log = log
  }

  func receive(_ batch: LogBatch) async throws {
    try await turns.take {
      guard !isStopped, batch.origin.isEmpty || known.contains(batch.origin) else {
        throw UnknownOrigin(origin: batch.origin)
      }
      do {
        try await process(batch)
      } catch {
        pipeline.abandon()
        lose(batch.origin)
        throw error
      }
    }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    try await turns.take {
      guard !isStopped else { throw UnknownOrigin(origin: origin) }
      pipeline.forget(origin)
      let destinations = try await next.positions(of: origin, route: route + [id], session: session)
      known.insert(origin)
      return destinations
    }
  }

  private func process(_ batch: LogBatch) async throws {
    var progress = pipeline.process(batch, at: .now)
    while case .waiting(let deadline, let ready) = progress {
      try await forward(ready, of: batch.origin)
      try await sleep(until: deadline, origin: batch.origin)
      progress = pipeline.resume(at: .now)
    }
    guard case .finished(let batches) = progress else { return }
    try await forward(batches, of: batch.origin)
    // A stop did not wait for this batch, and nobody can read it again.
    if isStopped, batch.origin.isEmpty { try await forward(pipeline.releaseAll(of: "", at: .now), of: "") }
    if pipeline.nextDeadline != nil { keepsSomething.yield() }
  }

  /// Waits as a rate wants it, unless the component stops meanwhile.
  private func sleep(until deadline: Int64, origin: String) async throws {
    while true {
      let left = deadline - monotonicNanoseconds()
      guard left > 0 else { return }
      try await Task.sleep(for: .nanoseconds(min(left, Self.longestSleep)))
      guard !isStopped else { throw UnknownOrigin(origin: origin) }
    }
  }

  /// Hands on `batches`, and throws what went wrong with those of `origin`; another origin will hear of it when it comes.
  private func forward(_ batches: [LogBatch], of origin: String?) async throws {
    var failure: (any Error)?
    for var batch in batches where failure == nil || batch.origin != origin {
      batch.route.append(id)
      // Others wait for their turn; they need not wait for company of this one, too.
      if turns.isContended { batch.moreFollows = true }
      do {
        try await next.receive(batch)
      } catch {
        if batch.origin == origin { failure = error } else { lose(batch.origin) }
      }
    }
    if let failure { throw failure }
  }

  /// What `origin` sent is not sure to have arrived: it has to ask where to begin again.
  private func lose(_ origin: String) {
    // Those that cannot read again have one name for all, and keep what is kept of them.
    guard !origin.isEmpty else { return }
    known.remove(origin)
    pipeline.forget(origin)
  }

  // MARK: What is kept

  /// Hands on what stages have kept for long enough, until cancelled.
  func releaseWhenDue() async {
    var kept = kept.makeAsyncIterator()
    while !Task.isCancelled {
      guard let deadline = pipeline.nextDeadline else {
        await kept.next(isolation: self)
        continue
      }
      let left = deadline - monotonicNanoseconds()
      if left > 0 { try? await Task.sleep(for: .nanoseconds(min(left, Self.longestSleep))) }
      try? await turns.take { await finishForwarding(pipeline.releaseDue(at: .now)) }
    }
  }

  /// Hands on `batches` although the component may be stopped meanwhile, which waits for that only so long.
  private func finishForwarding(_ batches: [LogBatch]) async {
    let work = Task { try await forward(batches, of: nil) }
    await withTaskCancellationHandler {
      _ = await work.result
    } onCancel: {
      Task {
        try await Task.sleep(for: Self.longestGoodbye)
        work.cancel()
      }
    }
  }

  /// Takes nothing more; hands on what nobody could read again.
  func stop() async {
    isStopped = true
    guard pipeline.holdsLines(of: "") else { return }
    let goodbye = Task { try await turns.take { try await forward(pipeline.releaseAll(of: "", at: .now), of: nil) } }
    let limit = Task {
      try await Task.sleep(for: Self.longestGoodbye)
      goodbye.cancel()
    }
    _ = await goodbye.result
    limit.cancel()
  }

  func writeMetrics(to batch: inout SeriesBatch) {
    let statistics = pipeline.statistics
    batch.family("loki_process_dropped_lines_total", .counter, help: "Lines that stages dropped, by reason.")
    for (reason, count) in statistics.drops.sorted(by: { $0.key < $1.key }) {
      batch.append("reason", reason, value: Double(count))
    }
    if !statistics.dropsByLabel.isEmpty {
      batch.family(
        "loki_process_dropped_lines_by_label_total", .counter, help: "Lines over the rate of their label's value.")
      for (label, count) in statistics.dropsByLabel.sorted(by: {
        ($0.key.name, $0.key.value) < ($1.key.name, $1.key.value)
      }) {
        batch.label("label_name", label.name)
        batch.label("label_value", label.value)
        batch.append(Double(count))
      }
    }
    if statistics.readsCRI {
      batch.family(
        "loki_process_cri_partial_lines_flushed_total", .counter, help: "Lines that were handed on without their ends.")
      batch.append(Double(statistics.criFlushed))
      batch.family("loki_process_cri_lines_truncated_total", .counter, help: "Lines that were cut to their longest.")
      batch.append(Double(statistics.criTruncated))
    }
    batch.family("spoke_process_held_entries", .gauge, help: "Lines kept by stages, and those that wait behind them.")
    batch.append(Double(pipeline.heldEntries))
    batch.family("spoke_process_held_bytes", .gauge, help: "What the lines kept take in memory.")
    batch.append(Double(pipeline.heldBytes))
  }
}

extension Moment {
  fileprivate static var now: Moment { Moment(wall: wallClockNanoseconds(), monotonic: monotonicNanoseconds()) }
}
