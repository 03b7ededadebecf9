// SPDX-License-Identifier: Apache-2.0

import Linux
import Synchronization
import Telemetry
import Testing

@testable import Scrape

/// What the pool's targets answer, and what it delivered.
private final class FakeWorld: Sendable {
  let time = ManualClock(wallMilliseconds: 1_000_000)
  let page = Mutex<@Sendable (ScrapeRequest) async throws -> FetchedPage>({ _ in text("m 1\n") })
  let refusesBatches = Mutex(false)
  let holdsBack = Mutex<String?>(nil)  // batches that mention it never get through
  let requests = Mutex<[ScrapeRequest]>([])
  let failures = Mutex<[String]>([])
  private let batches = Mutex<[[String]]>([])

  func world() -> ScrapeWorld {
    ScrapeWorld(
      fetch: { [self] request in
        requests.withLock { $0.append(request) }
        return try await page.withLock { $0 }(request)
      },
      localSource: { address, _ in address == "memory" ? LocalSource() : nil },
      deliver: { [self] batch in
        if refusesBatches.withLock({ $0 }) { throw ScrapeError("the queue is full") }
        let rows = describe(batch)
        if let held = holdsBack.withLock({ $0 }), rows.contains(where: { $0.contains(held) }) {
          try await time.clock.sleep(.max)
        }
        batches.withLock { $0.append(rows) }
      },
      onFailure: { [self] target, error in failures.withLock { $0.append("\(target.url): \(error)") } },
      clock: time.clock, log: Log(to: LogSink(descriptor: -1)))
  }

  func answer(_ page: @escaping @Sendable (ScrapeRequest) async throws -> FetchedPage) {
    self.page.withLock { $0 = page }
  }

  /// The next batch, without the reports except `up`, and without target labels.
  func nextBatch() async -> [String] {
    while true {
      let batch = batches.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      if let batch { return batch.filter { !$0.hasPrefix("scrape_") } }
      await Task.yield()
    }
  }

  var isQuiet: Bool { batches.withLock { $0.isEmpty } }
}

private struct LocalSource: MetricSource {
  func collect(into batch: consuming SeriesBatch, deadline: Int64) async throws -> SeriesBatch {
    batch.family("local", .gauge, help: "")
    batch.append(7)
    return batch
  }
}

private func text(_ page: String, status: Int = 200, type: String? = "text/plain") -> FetchedPage {
  FetchedPage(status: status, contentType: type, body: Array(page.utf8))
}

@Suite(.timeLimit(.minutes(2))) struct ScrapePoolTests {
  private let fake = FakeWorld()
  private var settings: ScrapeSettings

  init() {
    settings = ScrapeSettings(jobName: "j")
    settings.interval = .seconds(10)
    settings.timeout = .seconds(5)
    settings.initialDelay = .immediate
  }

  /// Runs a pool that scrapes `targets` while `body` looks on.
  private func scraping(_ targets: [[String: String]], _ body: (ScrapePool) async throws -> Void) async rethrows {
    let pool = ScrapePool(fake.world())
    pool.update(targets: targets, settings: settings)
    let running = Task { await pool.run() }
    defer { running.cancel() }
    try await body(pool)
    running.cancel()
    await running.value
  }

  /// Lets time pass to the next tick of the one loop there is.
  private func tick(_ milliseconds: Int64 = 10_000) async {
    await fake.time.waitForSleepers(1)
    fake.time.advance(milliseconds: milliseconds)
  }

  /// Gives `pool` other targets. Returns once each of its `loops` has heard: it is woken, and goes to sleep again, mostly
  /// until the moment it slept until before.
  private func update(
    _ pool: ScrapePool, targets: [[String: String]], settings: ScrapeSettings, wakes loops: Int = 1
  ) async {
    let before = fake.time.sleeps
    pool.update(targets: targets, settings: settings)
    await fake.time.waitForSleepers(loops, sleeps: before + loops)
  }

  private let one = [["__address__": "h:1", "instance": ""]]
  private func series(_ name: String) -> String { "\(name){instance=\"h:1\",job=\"j\"}" }

  @Test func `a target is scraped every interval, with timestamps an interval apart`() async {
    await scraping(one) { pool in
      #expect(await fake.nextBatch() == ["\(series("m")) 1.0 @1000000", "\(series("up")) 1.0 @1000000"])
      await tick()
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @1010000")
      await fake.time.waitForSleepers(1)
      #expect(pool.status.map(\.health) == [.up])
      #expect(pool.status[0].lastScrape == 1_010_000_000_000)
      #expect(pool.statistics.scrapes == 2 && pool.statistics.forwardedSamples == 12)
    }
  }

  @Test func `a source in this process is asked without a fetch`() async {
    await scraping([["__address__": "memory"]]) { _ in
      #expect(await fake.nextBatch()[0] == #"local{instance="memory",job="j"} 7.0 @1000000"#)
      #expect(fake.requests.withLock { $0.isEmpty })
    }
  }

  @Test func `the request says what is wanted and for how long`() async {
    await scraping(one) { _ in
      _ = await fake.nextBatch()
      let request = fake.requests.withLock { $0[0] }
      #expect(request.target.url == "http://h:1/metrics" && request.deadline == 5_000_000_000)
      #expect(
        request.headers.map { "\($0.name): \($0.value)" }.dropFirst() == [
          "Accept-Encoding: gzip", "X-Prometheus-Scrape-Timeout-Seconds: 5",
        ])
    }
  }

  @Test(arguments: [
    (FetchedPage(status: 503, contentType: nil, body: []), "server returned HTTP status 503"),
    (text("m 1\n!"), "cannot read the page: line 2: expected a metric name"),
    (
      text("m 1\n", type: "application/openmetrics-text"),
      "cannot read the page: line 1: the page does not end with # EOF"
    ),
    (
      text("", type: "application/vnd.google.protobuf; encoding=delimited"),
      "the target answered in protobuf, which is not supported; it was asked for text"
    ),
  ])
  func `what cannot be used is a failed scrape`(page: FetchedPage, error: String) async {
    fake.answer { _ in page }
    await scraping(one) { pool in
      #expect(await fake.nextBatch() == ["\(series("up")) 0.0 @1000000"])
      await fake.time.waitForSleepers(1)
      #expect(pool.status[0].lastError == error && pool.status[0].health == .down)
      #expect(fake.failures.withLock { $0 } == ["http://h:1/metrics: \(error)"])
    }
  }

  @Test func `a target that does not answer in time is given up`() async {
    fake.answer { [clock = fake.time.clock] _ in
      try await clock.sleep(1_000_000_000_000)
      return text("")
    }
    await scraping(one) { pool in
      await fake.time.waitForSleepers(2)
      fake.time.advance(milliseconds: 5000)
      #expect(await fake.nextBatch() == ["\(series("up")) 0.0 @1000000"])
      await fake.time.waitForSleepers(1)
      #expect(pool.status[0].lastError == "the target did not answer within 5s (scrape_timeout)")
      #expect(pool.status[0].lastScrapeDuration == .seconds(5))
    }
  }

  @Test func `a page larger than the limit is a failed scrape of size -1`() async {
    var settings = settings
    settings.bodySizeLimit = 3
    settings.extraMetrics = true
    await scraping([]) { pool in
      pool.update(targets: one, settings: settings)
      #expect(await fake.nextBatch() == ["\(series("up")) 0.0 @1000000"])
      await fake.time.waitForSleepers(1)
      #expect(pool.statistics.exceededBodySizeLimit == 1)
    }
  }

  @Test func `a batch that is refused is counted and scraping goes on`() async {
    fake.refusesBatches.withLock { $0 = true }
    await scraping(one) { pool in
      await fake.time.waitForSleepers(1, earliest: 10_000)
      #expect(pool.statistics.undeliveredSamples == 6 && pool.statistics.forwardedSamples == 0)
      fake.refusesBatches.withLock { $0 = false }
      await tick()
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @1010000")
    }
  }

  @Test func `a receiver that holds one target back does not hold back the others`() async {
    fake.holdsBack.withLock { $0 = "h:2" }
    await scraping(one + [["__address__": "h:2"]]) { _ in
      for time in [1_000_000, 1_010_000, 1_020_000] {
        #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @\(time)")
        await fake.time.waitForSleepers(2)
        fake.time.advance(milliseconds: 10_000)
      }
    }
  }

  @Test func `a target of a spread pool waits for its moment`() async throws {
    var spread = settings
    spread.initialDelay = .spread
    let target = try ScrapeTarget(one[0], settings: spread)
    let moment = ScrapeSchedule.spread(hash: target.hash, interval: 10_000_000_000, wall: 1_000_000_000_000)
    await scraping([]) { pool in
      pool.update(targets: one, settings: spread)
      await fake.time.waitForSleepers(1)
      fake.time.advance(milliseconds: moment / 1_000_000)
      #expect(fake.requests.withLock { $0.isEmpty })
      fake.time.advance(milliseconds: 1)
      #expect(await fake.nextBatch().count == 2)
    }
  }

  @Test func `the system's clock sleeps as long as it was told, or until it is cancelled`() async throws {
    let clock = ScrapeClock.system
    let until = clock.monotonic() + 2_000_000
    try await clock.sleep(until)
    #expect(clock.monotonic() >= until)
    let forever = Task { try await clock.sleep(.max) }
    forever.cancel()
    await #expect(throws: CancellationError.self) { try await forever.value }
  }

  @Test func `a slow scrape skips the ticks it overran`() async {
    await scraping(one) { _ in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      fake.time.advance(milliseconds: 34_000)
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @1034000")
      await fake.time.waitForSleepers(1, earliest: 40_000)
    }
  }

  @Test func `a wall clock that jumps does not stop the loop`() async {
    await scraping(one) { _ in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1)
      fake.time.setWall(milliseconds: 5)
      await tick()
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @10005")
      await tick()
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @20005")
    }
  }

  // MARK: Targets that come and go

  @Test func `a target that is gone ends after two intervals, as of its next scrape`() async {
    await scraping(one) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      await update(pool, targets: [], settings: settings)
      await tick()
      await fake.time.waitForSleepers(1, earliest: 21_000)
      #expect(fake.isQuiet && pool.status.isEmpty)
      await tick(11_000)
      #expect(await fake.nextBatch() == ["\(series("m")) stale @1010000", "\(series("up")) stale @1010000"])
      await fake.time.waitForSleepers(0)
    }
  }

  @Test func `a target that comes back in time goes on as if nothing had been`() async {
    await scraping(one) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      await update(pool, targets: [], settings: settings)
      await tick()
      await fake.time.waitForSleepers(1, earliest: 21_000)
      pool.update(targets: one, settings: settings)
      await fake.time.waitForSleepers(1, earliest: 20_000)
      fake.answer { _ in text("other 1\n") }
      await tick()
      #expect(
        await fake.nextBatch() == [
          "\(series("m")) stale @1020000", "\(series("other")) 1.0 @1020000", "\(series("up")) 1.0 @1020000",
        ])
    }
  }

  @Test func `a target that comes back too late begins anew`() async {
    await scraping(one) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      await update(pool, targets: [], settings: settings)
      await tick()
      await fake.time.waitForSleepers(1, earliest: 21_000)
      await tick(11_000)
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(0)
      pool.update(targets: one, settings: settings)
      #expect(await fake.nextBatch()[1] == "\(series("up")) 1.0 @1021000")
    }
  }

  @Test func `no markers are written for a target whose labels live on elsewhere`() async {
    await scraping([["__address__": "h:1", "instance": "i"]]) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      pool.update(targets: [["__address__": "h:2", "instance": "i"]], settings: settings)
      _ = await fake.nextBatch()
      // The one that is gone sleeps until a good interval after its last tick, and is over before the fourth of these.
      for (sleepers, earliest) in [(2, 10_000), (2, 20_000), (2, 21_000), (1, 40_000)] as [(Int, Int64)] {
        await fake.time.waitForSleepers(sleepers, earliest: earliest)
        fake.time.advance(milliseconds: 10_000)
        #expect(await fake.nextBatch().allSatisfy { !$0.contains("stale") })
      }
      #expect(fake.isQuiet)
    }
  }

  @Test func `stopping writes no markers`() async {
    await scraping(one) { _ in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1)
    }
    #expect(fake.isQuiet)
  }

  @Test func `stopping in the middle of a scrape reports nothing`() async {
    fake.answer { [clock = fake.time.clock] _ in
      try await clock.sleep(1_000_000_000_000)
      return text("")
    }
    await scraping(one) { _ in await fake.time.waitForSleepers(2) }
    #expect(fake.isQuiet && fake.failures.withLock { $0.isEmpty })
  }

  @Test func `a changed interval counts from now on and ends no series`() async {
    var faster = settings
    faster.interval = .seconds(6)
    await scraping(one) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      fake.time.advance(milliseconds: 1000)
      pool.update(targets: one, settings: faster)
      #expect(await fake.nextBatch() == ["\(series("m")) 1.0 @1001000", "\(series("up")) 1.0 @1001000"])
      await fake.time.waitForSleepers(1, earliest: 7000)
    }
  }

  @Test func `equal targets are scraped once, unusable ones not at all`() async {
    await scraping([["__address__": "h:1"], ["__address__": "h:1", "__meta_x": "y"], ["job": "x"]]) { pool in
      _ = await fake.nextBatch()
      await fake.time.waitForSleepers(1, earliest: 10_000)
      #expect(pool.status.count == 1)
      #expect(pool.statistics.targets == 1 && pool.statistics.droppedTargets == 1 && fake.isQuiet)
    }
  }

  @Test func `too many targets fail all of them, without asking any`() async {
    var limited = settings
    limited.targetLimit = 1
    let two = [["__address__": "h:1"], ["__address__": "h:2"]]
    await scraping([]) { pool in
      pool.update(targets: two, settings: limited)
      for _ in 0..<2 { #expect(await fake.nextBatch()[0].contains("} 0.0 @")) }
      await fake.time.waitForSleepers(2, earliest: 10_000)
      #expect(
        pool.status.map(\.lastError)
          == Array(repeating: "target_limit exceeded (number of targets: 2, limit: 1)", count: 2))
      #expect(pool.statistics.exceededTargetLimit == 1 && fake.requests.withLock { $0.isEmpty })
      await update(pool, targets: [two[0]], settings: limited, wakes: 2)
      fake.time.advance(milliseconds: 10_000)
      #expect(await fake.nextBatch()[0] == "\(series("m")) 1.0 @1010000")
    }
  }
}

/// A receiver that takes a batch only when it is told to.
private final class SlowReceiver: Sendable {
  private struct State {
    var entered = false
    var released = false
    var taken = 0
  }
  private let state = Mutex(State())

  var entered: Bool { state.withLock { $0.entered } }
  var taken: Int { state.withLock { $0.taken } }
  func release() { state.withLock { $0.released = true } }

  func take() async throws {
    state.withLock { $0.entered = true }
    while !state.withLock({ $0.released }) { await Task.yield() }
    try Task.checkCancellation()
    state.withLock { $0.taken += 1 }
  }
}

@Suite struct HandOverTests {
  @Test func `a finished scrape is handed over though its pool is stopped meanwhile`() async {
    let receiver = SlowReceiver()
    var world = ScrapeWorld(
      fetch: { _ in text("m 1\n") }, deliver: { _ in try await receiver.take() },
      log: Log(to: LogSink(descriptor: -1)))
    world.grace = .seconds(600)
    let pool = ScrapePool(world)
    var settings = ScrapeSettings(jobName: "j")
    settings.initialDelay = .immediate
    pool.update(targets: [["__address__": "h:1"]], settings: settings)
    let running = Task { await pool.run() }
    while !receiver.entered { await Task.yield() }
    running.cancel()
    // Time for the cancellation to come through, where it comes through.
    for _ in 0..<200 { await Task.yield() }
    receiver.release()
    await running.value
    #expect(receiver.taken == 1)
  }
}
