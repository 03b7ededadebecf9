// SPDX-License-Identifier: Apache-2.0

import Delivery
import Glibc
import HTTP
import Hub
import Linux
import Queue
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

/// Sources, queue and sender on a disk that fails and loses power, and a hub that commits and does not answer.
///
/// `SPOKE_SCHEDULES=<n>` runs a thousandth of that many lives, from seed `SPOKE_FIRST_SEED` on.
@Suite struct DurableDeliveryTests {
  private static var seeds: [UInt64] {
    testSeeds(
      from: environmentVariable("SPOKE_FIRST_SEED").flatMap { UInt64($0) } ?? 1,
      count: environmentVariable("SPOKE_SCHEDULES").flatMap { Int($0) }.map { max(1, $0 / 1000) } ?? 4)
  }

  @Test(arguments: seeds)
  func `each line is there once and in order, whatever the disk loses and the hub does not say`(seed: UInt64)
    async throws
  {
    var random = SplitMix64(seed: seed)
    let machine = try await Machine(seed: seed, dialect: .loki)
    for _ in 0..<5 {
      try await machine.live(random.next()) { queue in
        // Several readers at once, whose blocks share a sync.
        await withTaskGroup { group in
          for stream in 0..<3 { group.addTask { try? await machine.readLines(of: stream, into: queue) } }
        }
      }
    }
    try await machine.end { queue in
      for stream in 0..<3 { try await machine.readLines(of: stream, into: queue, through: 150) }
    }
    for stream in 0..<3 {
      #expect(machine.lines(of: stream) == (1...150).map { "\($0)" }, "SPOKE_SEED=\(seed), stream \(stream)")
    }
    await machine.stop()
  }

  @Test(arguments: seeds)
  func `each sample that was durable is there once and in order, also at a hub that takes none out of order`(
    seed: UInt64
  ) async throws {
    var random = SplitMix64(seed: seed)
    let machine = try await Machine(seed: seed, dialect: .remoteWrite)
    for _ in 0..<5 {
      try await machine.live(random.next()) { queue in try? await machine.scrape(into: queue) }
    }
    let statistics = try await machine.end { _ in }
    #expect(statistics.rejected == 0, "SPOKE_SEED=\(seed)")
    let durable = machine.durableSteps
    for series in 0..<Machine.seriesCount {
      let steps = machine.steps(of: series)
      #expect(steps == Set(steps).sorted(), "SPOKE_SEED=\(seed)")
      if statistics.droppedTotal == 0 { #expect(durable.isSubset(of: steps), "SPOKE_SEED=\(seed)") }
    }
    await machine.stop()
  }
}

/// A computer whose agent is started again and again, and the hub it sends to.
private final class Machine: Sendable {
  static let seriesCount = 12

  private let disk: CrashingFileStore
  private let network = Network()
  private let hub: EmbeddedHub
  private let client: HTTPClient
  private let endpoint: Endpoint
  private let options: QueueOptions
  private let start = wallClockMilliseconds() - 600_000
  /// No two lines are read at the same time.
  private let reads = Atomic<Int64>(0)
  private let scrapes = Mutex((last: 0, durable: Set<Int>()))

  init(seed: UInt64, dialect: RetryPolicy.Dialect) async throws {
    disk = CrashingFileStore(seed: seed)
    hub = try await EmbeddedHub.start(on: network)
    client = try HTTPClient(on: network)
    endpoint = Endpoint(
      url: HTTPURL(
        .http, host: "127.0.0.1", port: hub.port, path: dialect == .loki ? "/loki/api/v1/push" : "/api/v1/write"),
      dialect: dialect, version: "1.2.3", timeout: .seconds(30))
    options = QueueOptions(
      overflow: dialect == .loki ? .pause : .dropOldest, maxBytes: 1 << 20, segmentBytes: 4096, minFreeBytes: 0,
      retryInterval: .milliseconds(2))
  }

  func stop() async {
    await hub.stop()
    await client.close()
    await network.shutdown()
  }

  // MARK: Lives

  /// One life of the agent: `work` brings data until the power goes, the process dies or stops in order.
  func live(_ seed: UInt64, _ work: @escaping @Sendable (WriteAheadQueue) async -> Void) async throws {
    var random = SplitMix64(seed: seed)
    disk.reseed(random.next())
    for _ in 0..<random.below(4) {
      hub.inject([.commitThenDrop, .commitThenDrop, .reset, .status(503)][random.below(4)])
    }
    for _ in 0..<random.below(3) {
      let operations: [CrashingFileStore.Operation] = [.create, .write, .sync, .rename, .syncDirectory, .remove]
      disk.plan(
        operations[random.below(operations.count)], after: random.below(40),
        errno: [ENOSPC, EIO, EROFS, EINTR, nil][random.below(5)])
    }
    if random.chance(70) { disk.cutPower(after: 1 + random.below(150)) }
    if let queue = try? open() {
      let sender = sender(of: queue)
      let sending = Task { await sender.run() }
      let working = Task { await work(queue) }
      _ = await comesAbout(within: .milliseconds(10 + random.below(60))) { self.disk.isOut }
      working.cancel()
      sending.cancel()
      await working.value
      await sending.value
      if random.chance(20) { await queue.close() }
    }
    disk.crash([.process, .powerLosingAll, .powerLosingSome][random.below(3)])
  }

  /// A last life without trouble, until all is delivered.
  @discardableResult
  func end(_ work: @escaping @Sendable (WriteAheadQueue) async throws -> Void) async throws -> QueueStatistics {
    hub.clearFaults()
    let queue = try open()
    let sender = sender(of: queue)
    let sending = Task { await sender.run() }
    try await work(queue)
    await eventually("all is delivered") { await queue.statistics.pending == 0 }
    let statistics = await queue.statistics
    #expect(statistics.enqueued == statistics.acknowledged + statistics.rejected + statistics.droppedTotal)
    #expect(statistics.droppedTotal == 0)
    sending.cancel()
    await sending.value
    await queue.close()
    return statistics
  }

  private func open() throws -> WriteAheadQueue {
    try WriteAheadQueue(
      directory: "/state/q", options: options, store: disk.mounted(), log: Log(to: LogSink(descriptor: -1)))
  }

  private func sender(of queue: WriteAheadQueue) -> Sender {
    var options = endpoint.dialect == .loki ? SenderOptions.lines : SenderOptions()
    options.maxBlocksPerRequest = 10
    options.limits.shortestBackoff = .milliseconds(1)
    options.limits.longestBackoff = .milliseconds(5)
    options.grace = .zero
    return Sender(
      endpoint: endpoint, queue: queue, client: client, options: options, log: Log(to: LogSink(descriptor: -1)))
  }

  // MARK: Lines

  /// Reads the lines `1`, `2`, … of a stream from where the queue says, each with the time of its reading.
  func readLines(of stream: Int, into queue: WriteAheadQueue, through last: Int = 150) async throws {
    let source = [UInt8(stream)]
    var number = await queue.newestPosition(of: source).flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    while number < last {
      try Task.checkCancellation()
      var encoder = PushEncoder()
      encoder.beginStream(packedLabels: Self.labels(of: stream).packed.span)
      for _ in 0...(number % 3) where number < last {
        number += 1
        let time = start * 1_000_000 + reads.add(1000, ordering: .relaxed).newValue
        encoder.add(timestampNanoseconds: time, line: Array("\(number)".utf8).span)
      }
      var payload: [UInt8] = []
      let kind = encoder.finish(into: &payload)
      let position = SourcePosition(source: source, position: Array("\(number)".utf8))
      try await queue.append([
        Block(
          kind: kind, items: encoder.entryCount, minTimestampMilliseconds: start,
          maxTimestampMilliseconds: start, payload: payload, positions: [position])
      ])
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func lines(of stream: Int) -> [String] {
    hub.streams().filter { $0.labels["app"] == "s\(stream)" }.flatMap { $0.entries.map(\.text) }
  }

  private static func labels(of stream: Int) -> LabelSet { LabelSet([Label("app", "s\(stream)")]) }

  // MARK: Samples

  var durableSteps: Set<Int> { scrapes.withLock { $0.durable } }

  func scrape(into queue: WriteAheadQueue) async throws {
    while true {
      try Task.checkCancellation()
      let step = scrapes.withLock { scrapes in
        scrapes.last += 1
        return scrapes.last
      }
      let time = start + Int64(step) * 10
      var encoder = RemoteWriteEncoder()
      for series in 0..<Self.seriesCount {
        encoder.add(
          packedLabels: Self.labels(ofSeries: series).packed.span, valueBits: Double(step).bitPattern,
          timestampMilliseconds: time)
      }
      var payload: [UInt8] = []
      encoder.finish(snappy: &payload)
      try await queue.append([
        Block(
          kind: 1, items: Self.seriesCount, minTimestampMilliseconds: time, maxTimestampMilliseconds: time,
          payload: payload)
      ])
      let statistics = await queue.statistics
      if statistics.degraded == nil, statistics.memoryBytes == 0 {
        scrapes.withLock { _ = $0.durable.insert(step) }
      }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func steps(of series: Int) -> [Int] {
    hub.series(Self.labels(ofSeries: series))?.samples.map { Int($0.value) } ?? []
  }

  private static func labels(ofSeries index: Int) -> LabelSet {
    LabelSet([Label("__name__", "s\(index)"), Label("instance", "machine"), Label("n", "\(index)")])
  }
}
