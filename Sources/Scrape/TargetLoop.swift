// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Scrapes one target, tick by tick, until its task is cancelled or the target is gone for good.
actor TargetLoop {
  /// What the loop is to do.
  struct Assignment: Sendable, Equatable {
    var target: ScrapeTarget
    var settings: ScrapeSettings
    /// Why the target must not be scraped although it is there (`target_limit`).
    var refusal: ScrapeError?
  }

  /// What a loop tells its pool, and what it borrows from it.
  struct Pool: Sendable {
    var finished: @Sendable (TargetLoop.Report) -> Void
    /// Whether another target's series have these labels.
    var isInUse: @Sendable (LabelSet) -> Bool
    var borrow: @Sendable () -> ScrapeBuffers
    var giveBack: @Sendable (consuming ScrapeBuffers) -> Void
    /// The loop is over and may be forgotten.
    var ended: @Sendable () -> Void
  }

  /// What came of one tick.
  struct Report: Sendable {
    var target: ScrapeTarget
    var result: ScrapeResult?  // nil for the end of a target
    var start: Int64
    var duration: Duration
    var samples: Int
    var wasDelivered: Bool
  }

  private let world: ScrapeWorld
  private let pool: Pool
  private var assignment: Assignment
  private var appender: SampleAppender
  private var schedule: ScrapeSchedule
  private var nap: Task<Void, any Error>?
  private var isLeaving = false
  private var staleTime: Int64?  // when the first scrape after the target's leaving would have been
  private var isOver = false
  private var last = ScrapeResult()
  private var lastRefusal: String?  // why the receiver did not take the last batch

  init(_ assignment: Assignment, _ world: ScrapeWorld, _ pool: Pool) {
    self.assignment = assignment
    self.world = world
    self.pool = pool
    appender = SampleAppender(
      labels: assignment.target.labels, timeout: assignment.target.timeout, settings: assignment.settings)
    schedule = Self.schedule(for: assignment, world.clock)
  }

  private static func schedule(for assignment: Assignment, _ clock: ScrapeClock) -> ScrapeSchedule {
    let interval = assignment.target.interval.nanosecondsClamped
    let delay =
      assignment.settings.initialDelay == .immediate
      ? 0
      : ScrapeSchedule.spread(
        hash: assignment.target.hash ^ assignment.settings.offsetSeed, interval: interval, wall: clock.wall())
    return ScrapeSchedule(interval: interval, startingAt: clock.monotonic(), delay: delay)
  }

  // MARK: Orders, which may come while a scrape waits for its target

  /// Goes on with `next`; false where the loop has ended and a new one is needed.
  func assign(_ next: Assignment) -> Bool {
    guard !isOver else { return false }
    let previous = assignment
    guard next != previous || isLeaving else { return true }
    assignment = next
    isLeaving = false
    staleTime = nil
    appender = appender.with(timeout: next.target.timeout, settings: next.settings)
    if next.target.interval != previous.target.interval { schedule = Self.schedule(for: next, world.clock) }
    nap?.cancel()
    return true
  }

  /// The target is gone: its series end when it has not come back after two intervals. True where the loop has ended already.
  func leave() -> Bool {
    guard !isLeaving else { return isOver }
    isLeaving = true
    nap?.cancel()
    return isOver
  }

  // MARK: The loop

  func run() async {
    while !Task.isCancelled, !isOver {
      guard await sleep(until: wakeTime) else { continue }  // woken early: there is a new assignment
      if isLeaving {
        await leaveStepwise()
      } else {
        await scrape()
      }
    }
    isOver = true
    pool.ended()
  }

  private var wakeTime: Int64 {
    let interval = assignment.target.interval.nanosecondsClamped
    return staleTime == nil ? schedule.nextTick : schedule.nextTick &+ interval / 10
  }

  /// False where it was cut short.
  private func sleep(until: Int64) async -> Bool {
    let clock = world.clock
    let nap = Task { try await clock.sleep(until) }
    self.nap = nap
    let result = await withTaskCancellationHandler {
      await nap.result
    } onCancel: {
      nap.cancel()
    }
    self.nap = nil
    guard case .success = result else { return false }
    return !nap.isCancelled
  }

  /// The tick at which the next scrape would have been is when the series end; but that is said only a good interval
  /// later, when a target that merely changed its description would have been scraped again.
  private func leaveStepwise() async {
    guard let staleTime else {
      staleTime = schedule.timestamp(wall: world.clock.wall())
      schedule.advance(past: world.clock.monotonic())
      return
    }
    isOver = true
    guard !pool.isInUse(assignment.target.labels) else { return }
    var buffers = pool.borrow()
    appender.end(atMilliseconds: staleTime / 1_000_000, into: &buffers.outgoing)
    if buffers.outgoing.count > 0 { await deliver(&buffers, result: nil, start: staleTime, duration: .zero) }
    pool.giveBack(buffers)
  }

  // MARK: One scrape

  private func scrape() async {
    let begun = world.clock.monotonic()
    let start = schedule.timestamp(wall: world.clock.wall())
    let current = assignment
    var buffers = pool.borrow()
    let outcome = await scrape(current, begun: begun, into: &buffers)
    guard !Task.isCancelled else { return }  // the agent stops; what was cut short is no failure of the target
    let duration = Duration.nanoseconds(world.clock.monotonic() - begun)
    let facts = ScrapeFacts(
      timestampMilliseconds: start / 1_000_000, duration: duration, bodySize: outcome.bodySize)
    let result =
      if let error = outcome.error {
        appender.fail(error, afterSamples: buffers.scraped.count, facts, into: &buffers.outgoing)
      } else {
        appender.append(buffers.scraped, facts, into: &buffers.outgoing)
      }
    tell(current.target, result)
    await deliver(&buffers, result: result, start: start, duration: duration)
    pool.giveBack(buffers)
    schedule.advance(past: world.clock.monotonic())
  }

  private func scrape(_ assignment: Assignment, begun: Int64, into buffers: inout ScrapeBuffers) async -> (
    error: ScrapeError?, bodySize: Int
  ) {
    if let refusal = assignment.refusal { return (refusal, 0) }
    let target = assignment.target
    let deadline = begun &+ target.timeout.nanosecondsClamped
    do {
      if let source = world.localSource(target.address, target.path) {
        buffers.scraped = try await source.collect(into: take(&buffers.scraped), deadline: deadline)
        return (nil, 0)
      }
      let page = try await fetch(ScrapeRequest(target, assignment.settings, deadline: deadline))
      try read(page, assignment.settings, into: &buffers.scraped)
      return (nil, page.body.count)
    } catch let error as ScrapeError {
      return (error, error.kind == .bodySizeLimit ? -1 : 0)
    } catch {
      return (ScrapeError("\(error)"), 0)
    }
  }

  private func fetch(_ request: ScrapeRequest) async throws -> FetchedPage {
    let world = world
    return try await withThrowingTaskGroup(of: FetchedPage?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await world.fetch(request) }
      group.addTask {
        try await world.clock.sleep(request.deadline)
        return nil
      }
      guard let first = try await group.next(), let page = first else {
        throw ScrapeError(
          "the target did not answer within \(prometheusText(request.target.timeout)) (scrape_timeout)")
      }
      return page
    }
  }

  private func read(_ page: FetchedPage, _ settings: ScrapeSettings, into batch: inout SeriesBatch) throws {
    guard page.status == 200 else { throw ScrapeError("server returned HTTP status \(page.status)") }
    guard settings.bodySizeLimit == 0 || page.body.count <= settings.bodySizeLimit else {
      throw ScrapeError("body_size_limit exceeded: more than \(settings.bodySizeLimit) bytes", .bodySizeLimit)
    }
    let format = try ExpositionFormat(contentType: page.contentType, fallback: settings.fallbackProtocol)
    var parser = ExpositionParser(
      format: format, escaping: settings.nameEscaping, keepsEmptyValues: settings.honorLabels)
    do {
      try parser.parse(page.body.span, into: &batch)
    } catch {
      throw ScrapeError("cannot read the page: \(error)")
    }
  }

  // MARK: Telling

  private func tell(_ target: ScrapeTarget, _ result: ScrapeResult) {
    if let error = result.error {
      world.onFailure(target, error)
      // Once per reason: a target that is down for a week is not news every minute.
      if error != last.error {
        world.log.warn("scrape failed", ("target", target.url), ("err", error.description))
      }
    } else if last.error != nil {
      world.log.info("scrape succeeds again", ("target", target.url))
    }
    if result.duplicates > 0, last.duplicates == 0 {
      world.log.warn(
        "the target exposes series twice; the first of each is kept", ("target", target.url),
        ("num_dropped", "\(result.duplicates)"))
    }
    last = result
  }

  /// Once per reason; how many are lost as long as it lasts, the metrics count.
  private func tellRefusal(_ reason: String, samples: Int) {
    guard reason != lastRefusal else { return }
    lastRefusal = reason
    world.log.error(
      "samples are lost: the receiver does not take them", ("target", assignment.target.url),
      ("samples", "\(samples)"), ("err", reason))
  }

  private func deliver(_ buffers: inout ScrapeBuffers, result: ScrapeResult?, start: Int64, duration: Duration) async {
    var report = Report(
      target: assignment.target, result: result, start: start, duration: duration, samples: buffers.outgoing.count,
      wasDelivered: true)
    do {
      try await handOver(buffers.outgoing)
      if lastRefusal != nil { world.log.info("samples are taken again", ("target", assignment.target.url)) }
      lastRefusal = nil
    } catch {
      report.wasDelivered = false
      if !Task.isCancelled { tellRefusal("\(error)", samples: report.samples) }
    }
    pool.finished(report)
  }
}

extension TargetLoop {
  /// Gives a batch to the receiver. A scrape that is finished counts, also when its loop is stopped at that moment.
  private func handOver(_ batch: SeriesBatch) async throws {
    let delivery = Task { [world] in try await world.deliver(batch) }
    try await withTaskCancellationHandler {
      try await delivery.value
    } onCancel: {
      Task { [grace = world.grace] in
        try? await Task.sleep(for: grace)
        delivery.cancel()
      }
    }
  }
}

/// Moves a batch out, so that its buffers are not copied when someone else writes into it.
private func take(_ batch: inout SeriesBatch) -> SeriesBatch {
  var taken = SeriesBatch()
  swap(&taken, &batch)
  return taken
}
