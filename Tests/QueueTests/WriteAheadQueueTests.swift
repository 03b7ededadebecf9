// SPDX-License-Identifier: Apache-2.0

import Linux
import Queue
import TestSupport
import Testing

@Suite struct WriteAheadQueueTests {
  let directory: TemporaryDirectory
  let silent = Log(to: LogSink(descriptor: -1))

  init() throws { directory = try TemporaryDirectory() }

  func open(_ options: QueueOptions = QueueOptions(overflow: .dropOldest, minFreeBytes: 0)) throws -> WriteAheadQueue {
    try WriteAheadQueue(directory: directory.path("q"), options: options, log: silent)
  }

  func block(_ number: Int, bytes: Int = 100) -> Block {
    Block(
      kind: 1, items: 1, minTimestampMilliseconds: Int64(number), maxTimestampMilliseconds: Int64(number),
      payload: Array("\(number)".utf8) + [UInt8](repeating: 0, count: bytes),
      positions: [SourcePosition(source: Array("s".utf8), position: Array("\(number)".utf8))])
  }

  @Test func `appends that meet share a sync, and all arrive in the order they were taken`() async throws {
    let queue = try open()
    try await withThrowingTaskGroup { group in
      for number in 0..<200 { group.addTask { try await queue.append([self.block(number)]) } }
      try await group.waitForAll()
    }
    #expect(await queue.statistics.syncs < 200)
    await queue.close()

    let again = try open()
    var payloads: Set<[UInt8]> = []
    var last: UInt64 = 0
    while payloads.count < 200 {
      let blocks = try await again.next(maxBlocks: 30, maxBytes: 1 << 20)
      for stored in blocks {
        #expect(stored.sequence > last)
        last = stored.sequence
        payloads.insert(stored.block.payload)
      }
      try await again.acknowledge(through: last, delivered: blocks.count, rejected: 0)
    }
    let statistics = await again.statistics
    #expect(statistics.enqueued == 200 && statistics.acknowledged == 200 && statistics.pending == 0)
    #expect(statistics.uncleanStarts == 0)
    await again.close()
  }

  @Test func `a second queue on the same directory is refused until the first is closed`() async throws {
    let queue = try open()
    #expect(throws: QueueError.inUse(path: directory.path("q"))) { try open() }
    await queue.close()
    await (try open()).close()
  }

  @Test func `next waits for a block, and gives up when cancelled`() async throws {
    let queue = try open()
    let waiting = Task { try await queue.next(maxBlocks: 1, maxBytes: 1) }
    try await queue.append([block(1)])
    let first = try await waiting.value
    #expect(first.map(\.block) == [block(1)])
    try await queue.acknowledge(through: first[0].sequence, delivered: 1, rejected: 0)
    let cancelled = Task { try await queue.next(maxBlocks: 1, maxBytes: 1) }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    let closed = Task { try await queue.next(maxBlocks: 1, maxBytes: 1) }
    await queue.close()
    await #expect(throws: QueueError.closed) { try await closed.value }
  }

  @Test func `a full queue of logs makes append wait until something is acknowledged`() async throws {
    let queue = try open(QueueOptions(overflow: .pause, maxBytes: 40_000, segmentBytes: 10_000, minFreeBytes: 0))
    let appending = Task {
      for number in 1...40 { try await queue.append([self.block(number, bytes: 3000)]) }
    }
    var received = 0
    while received < 40 {
      let blocks = try await queue.next(maxBlocks: 2, maxBytes: .max)
      received += blocks.count
      #expect(await queue.statistics.bytes <= 50_000)
      try await queue.acknowledge(through: #require(blocks.last).sequence, delivered: blocks.count, rejected: 0)
    }
    try await appending.value
    #expect(await queue.statistics.droppedTotal == 0)
    #expect(await queue.newestPosition(of: Array("s".utf8)) == Array("40".utf8))
    await queue.close()
  }

  @Test func `an append that waits for room can be cancelled`() async throws {
    let queue = try open(QueueOptions(overflow: .pause, maxBytes: 8_000, minFreeBytes: 0))
    try await queue.append([block(1, bytes: 7000)])
    let waiting = Task { try await queue.append([self.block(2, bytes: 7000)]) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(await queue.statistics.enqueued == 1)
    await queue.close()
  }

  @Test func `logs wait for a disk that fails and go on when it works again`() async throws {
    let disk = CrashingFileStore()
    let queue = try WriteAheadQueue(
      directory: "/q",
      options: QueueOptions(overflow: .pause, minFreeBytes: 0, retryInterval: .milliseconds(5)), store: disk,
      log: silent)
    disk.trouble = .readOnly
    let appending = Task { try await queue.append([self.block(1)]) }
    while await queue.statistics.degraded == nil { await Task.yield() }
    disk.trouble = .none
    try await appending.value
    #expect(await queue.statistics.degraded == nil)
    #expect(try await queue.next(maxBlocks: 1, maxBytes: 1).map(\.block) == [block(1)])
    await queue.close()
  }

  @Test func `a block that fits no record is refused`() async throws {
    let queue = try open()
    await #expect(throws: QueueError.blockTooLarge(bytes: Block.maximumPayloadBytes + 3)) {
      var large = block(1, bytes: Block.maximumPayloadBytes + 2)
      large.positions = []
      try await queue.append([large])
    }
    await queue.close()
  }

  @Test func `the positions of one reader are asked for by prefix, ten thousand of them, also after a restart`()
    async throws
  {
    let queue = try open()
    let files = (0..<10_000).map { number in
      SourcePosition(
        source: Array("loki.source.file.a\u{0}/var/log/containers/a-long-name-of-a-container-\(number).log".utf8),
        position: [UInt8](repeating: UInt8(number & 0xff) | 1, count: 60))
    }
    let other = SourcePosition(source: Array("loki.source.journal.b".utf8), position: [1])
    try await queue.append([Block(positions: files + [other])])
    let expected = Dictionary(uniqueKeysWithValues: files.map { ($0.source, $0.position) })
    #expect(await queue.positions(withPrefix: Array("loki.source.file.a\u{0}".utf8)) == expected)
    #expect(await queue.positions(withPrefix: [])[other.source] == [1])
    #expect(await queue.positions(withPrefix: Array("nobody".utf8)).isEmpty)
    await queue.close()
    let again = try open()
    #expect(await again.positions(withPrefix: Array("loki.source.file.a\u{0}".utf8)) == expected)
    await again.close()
  }

  @Test func `with many sources, a segment holds more than what it begins with`() async throws {
    let queue = try open(QueueOptions(overflow: .pause, segmentBytes: 256 << 10, minFreeBytes: 0))
    // 1 MB of positions: the two checkpoints of a segment alone are eight times its size.
    let files = (0..<10_000).map { number in
      SourcePosition(source: Array("\(number)".utf8), position: [UInt8](repeating: 1, count: 92))
    }
    try await queue.append([Block(positions: files)])
    for number in 0..<20 { try await queue.append((0..<10).map { block(number * 10 + $0, bytes: 50_000) }) }
    #expect(await queue.statistics.segments == 2)
    let blocks = try await queue.next(maxBlocks: 300, maxBytes: .max)
    #expect(blocks.count == 201)
    #expect(await queue.positions(withPrefix: []).count == 10_001)
    await queue.close()
    let again = try open(QueueOptions(overflow: .pause, segmentBytes: 256 << 10, minFreeBytes: 0))
    #expect(await again.positions(withPrefix: []).count == 10_001)
    #expect(try await again.next(maxBlocks: 300, maxBytes: .max) == blocks)
    await again.close()
  }

  @Test func `a block of positions alone is kept, handed out, and counts for nothing`() async throws {
    let queue = try open()
    let source = Array("s".utf8)
    try await queue.append([Block(positions: [SourcePosition(source: source, position: [7])])])
    try await queue.append([block(5)])
    let statistics = await queue.statistics
    #expect(statistics.enqueued == 1 && statistics.pending == 1 && statistics.blocks == 2)
    #expect(statistics.oldestTimestampMilliseconds == 5)
    let report = try inspectQueue(directory: directory.path("q"))
    #expect(report.segments.map(\.minTimestampMilliseconds) == [5] && report.segments.flatMap(\.corrupt).isEmpty)
    let blocks = try await queue.next(maxBlocks: 9, maxBytes: .max)
    #expect(blocks.map(\.block.isEmpty) == [true, false])
    try await queue.acknowledge(through: blocks[0].sequence, delivered: 0, rejected: 0)
    #expect(await queue.statistics.pending == 1)
    try await queue.acknowledge(through: blocks[1].sequence, delivered: 0, rejected: 1)
    #expect(await queue.statistics.rejected == 1)
    await queue.close()
  }

  @Test func `a queue in use can be looked into`() async throws {
    let queue = try open()
    for number in 1...3 { try await queue.append([block(number)]) }
    let report = try inspectQueue(directory: directory.path("q"))
    #expect(report.segments.map(\.blocks) == [3])
    #expect(report.segments.flatMap(\.corrupt).isEmpty)
    var count = 0
    try forEachBlock(inQueue: directory.path("q")) { _ in count += 1 }
    #expect(count == 3)
    await queue.close()
  }
}

extension Block {
  /// Says only where sources stand.
  fileprivate init(positions: [SourcePosition]) {
    self.init(
      kind: 2, items: 0, minTimestampMilliseconds: 0, maxTimestampMilliseconds: 0, payload: [], positions: positions)
  }
}
