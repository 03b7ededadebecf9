// SPDX-License-Identifier: Apache-2.0

import Delivery
import HTTP
import Hub
import Linux
import Queue
import Telemetry
import TestSupport
import Testing
import Wire

@Suite struct SenderLokiTests {
  @Test func `blocks of lines are merged into one push of their stream`() async throws {
    let rig = try await Rig(dialect: .loki)
    try await rig.push((0, "a"), (1, "b"))
    try await rig.push((2, "c"))
    rig.runSender()
    #expect(await rig.drained().acknowledged == 3)
    #expect(rig.received() == ["a", "b", "c"])
    #expect(rig.hub.requests().count == 1)
    #expect(rig.hub.requests()[0].headers["X-Prometheus-Remote-Write-Version"] == nil)
    await rig.stop()
  }

  @Test func `a backlog goes one stream at a time, each in order, and a block alone goes whole`() async throws {
    let rig = try await Rig(dialect: .loki)
    for step in 0..<50 {
      try await rig.push(["a", "b", "c"].map { .init(app: $0, entries: [(step, "\(step)")]) })
    }
    rig.runSender()
    #expect(await rig.drained().acknowledged == 150)
    for app in ["a", "b", "c"] { #expect(rig.received(app) == (0..<50).map { "\($0)" }) }
    let backlog = rig.hub.requests()
    #expect(backlog.count == 9, "three groups of at most 20 blocks, three streams each")
    try await rig.push(["a", "b", "c"].map { .init(app: $0, entries: [(50, "50")]) })
    #expect(await rig.drained().acknowledged == 153)
    #expect(rig.hub.requests().dropFirst(backlog.count).map(\.items) == [3])
    let statistics = await rig.sender.statistics
    #expect(statistics.sentSamples == 153 && statistics.sentRequests == 10 && statistics.retriedSamples == 0)
    #expect(statistics.sentBytes == rig.hub.requests().reduce(0) { $0 + $1.bodyBytes })
    await rig.stop()
  }

  @Test func `lines Loki leaves out are counted and the push is not repeated`() async throws {
    let rig = try await Rig(dialect: .loki)
    try await rig.push((0, "now"), (-4_000_000, "fine in a new stream"))
    rig.runSender()
    _ = await rig.drained()
    try await rig.push((-4_000_000, "behind"), (1, "good"), (3_600_000, "future"))
    let queue = await rig.drained()
    #expect(queue.acknowledged == 3 && queue.rejected == 2)
    #expect(rig.received() == ["now", "fine in a new stream", "good"])
    #expect(rig.hub.snapshot().duplicateLines == 0 && rig.hub.requests().count == 2)
    let statistics = await rig.sender.statistics
    #expect(statistics.sentSamples == 3 && statistics.rejectedSamples == [.tooOld: 2])
    #expect(statistics.rejectedBytes[.tooOld] ?? 0 > 0 && statistics.requestBytes.count == 2)
    #expect(statistics.requestSecondsByStatus.mapValues(\.count) == [204: 1, 400: 1])
    await rig.stop()
  }

  @Test func `of a long list of refusals the number at its end is read`() async throws {
    let rig = try await Rig(dialect: .loki)
    try await rig.push((0, "now"))
    rig.runSender()
    _ = await rig.drained()
    let behind = (0..<40).map { (-4_000_000 + $0, "behind \($0)") }
    try await rig.push([.init(entries: behind + [(1, "good")])])
    #expect(await rig.drained().rejected == 40)
    #expect(rig.received() == ["now", "good"])
    await rig.stop()
  }

  @Test func `of a backlog older than Loki takes, each line is counted`() async throws {
    let rig = try await Rig(dialect: .loki)
    let week = 7 * 86_400_000
    try await rig.push([.init(entries: (0..<700).map { ($0 - week, "old \($0)") } + [(0, "good")])])
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.rejected == 700 && queue.acknowledged == 1)
    #expect(rig.received() == ["good"] && rig.hub.requests().count == 1)
    #expect(await rig.sender.statistics.lastFailure?.text.utf8.count ?? .max <= 1100)
    await rig.stop()
  }

  @Test func `a push Loki cannot read at all is cut down to what it cannot read`() async throws {
    let rig = try await Rig(dialect: .loki)
    try await rig.push((0, "a"), (1, "b"), (2, "c"))
    rig.hub.inject(.status(400, body: "unexpected EOF"), count: 2)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 2 && queue.rejected == 1)
    #expect(rig.received() == ["b", "c"])
    await rig.stop()
  }

  @Test func `a block nobody can read is refused by itself`() async throws {
    let rig = try await Rig(dialect: .loki)
    try await rig.push((0, "a"))
    let rubbish = Block(
      kind: 2, items: 4, minTimestampMilliseconds: 0, maxTimestampMilliseconds: 0, payload: [2, 4, 0xff, 0xff])
    try await rig.queue.append([rubbish])
    try await rig.push((1, "b"))
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 2 && queue.rejected == 4)
    #expect(rig.received() == ["a", "b"])
    #expect(await rig.sender.statistics.rejectedSamples == [.invalid: 4])
    await rig.stop()
  }

  @Test func `labels Loki does not take cost their stream, in one request, and nobody else`() async throws {
    let rig = try await Rig(dialect: .loki)
    let long = String(repeating: "x", count: 2049)
    try await rig.push([
      .init(app: "a", entries: [(0, "1")]), .init(app: long, entries: (0..<50).map { ($0, "lost") }),
      .init(app: "b", entries: [(0, "2")]),
    ])
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 2 && queue.rejected == 50)
    #expect(rig.received("a") == ["1"] && rig.received("b") == ["2"])
    #expect(rig.hub.requests().count == 4, "all together, and then each by itself")
    #expect(await rig.sender.statistics.rejectedSamples == [.invalid: 50])
    await rig.stop()
  }

  @Test func `a line too long is refused by itself, and what is too large at once goes in parts`() async throws {
    var small = HubOptions()
    small.maxBodyBytes = 4000
    small.streams.maxLineBytes = 1000
    let rig = try await Rig(hub: small, dialect: .loki)
    let lines = (0..<20).map { ($0, String(repeating: "\($0 % 10)", count: 900)) }
    try await rig.push([.init(entries: lines + [(20, String(repeating: "y", count: 1001))])])
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 20 && queue.rejected == 1)
    #expect(rig.received() == lines.map(\.1))
    let statistics = await rig.sender.statistics
    #expect(statistics.rejectedSamples == [.tooLarge: 1])
    #expect(statistics.rejectedSamples.keys.map(\.lokiReason) == ["line_too_long"])
    await rig.stop()
  }

  @Test func `a hub that has blocked ingestion says yes and means no`() async throws {
    let rig = try await Rig(dialect: .loki)
    rig.hub.inject(.status(260), count: 3)
    try await rig.push((0, "a"))
    rig.runSender()
    #expect(await rig.drained().acknowledged == 1)
    #expect(rig.received() == ["a"])
    #expect(rig.lines.count("blocked ingestion") == 1)
    await rig.stop()
  }

  @Test func `blocks that only say where sources stand cost no request`() async throws {
    let rig = try await Rig(dialect: .loki)
    func positions(_ byte: UInt8) -> Block {
      Block(
        kind: 2, items: 0, minTimestampMilliseconds: 0, maxTimestampMilliseconds: 0, payload: [],
        positions: [SourcePosition(source: [1], position: [byte])])
    }
    try await rig.queue.append([positions(1)])
    try await rig.push((0, "a"))
    try await rig.queue.append([positions(2), positions(3)])
    try await rig.push((1, "b"))
    try await rig.queue.append([positions(4)])
    rig.runSender()
    #expect(await rig.drained().acknowledged == 2)
    await eventually("nothing is left") { await rig.queue.statistics.blocks == 0 }
    #expect(rig.received() == ["a", "b"] && rig.hub.requests().count == 1)
    #expect(await rig.queue.newestPosition(of: [1]) == [4])
    await rig.stop()
  }

  @Test func `each tenant gets its own, under its own name, which does not travel in the body`() async throws {
    var options = HubOptions()
    options.separatesTenants = true
    let headers = [Headers.Field(name: "x-scope-orgid", value: "not this one")]
    let rig = try await Rig(hub: options, headers: headers, dialect: .loki, tenant: "home")
    try await rig.push([
      .init(entries: [(0, "ours")]), .init(tenant: "guest", entries: [(0, "theirs")]),
      .init(entries: [(1, "ours too")]),
    ])
    try await rig.push([.init(tenant: "line\nbreak", entries: [(1, "nobody's")]), .init(entries: [(2, "last")])])
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 4 && queue.rejected == 1)
    #expect(rig.received(tenant: "home") == ["ours", "ours too", "last"])
    #expect(rig.received(tenant: "guest") == ["theirs"])
    #expect(rig.hub.streams().count == 2)
    #expect(rig.hub.requests().allSatisfy { $0.headers.values(of: "X-Scope-OrgID").count == 1 })
    await rig.stop()
  }
}

@Suite struct SenderLokiRateTests {
  @Test func `a stream whose pushes get no answer does not hold up its neighbours`() async throws {
    let rig = try await Rig(dialect: .loki)
    for step in 0..<2 {
      try await rig.push(["a", "b", "c"].map { .init(app: $0, entries: [(step, "\(step)")]) })
    }
    rig.hub.inject(.reset)
    rig.runSender()
    #expect(await rig.drained().acknowledged == 6)
    #expect(rig.hub.streams().map { $0.labels["app"] } == ["b", "c", "a"])
    await rig.stop()
  }

  @Test func `a stream over its rate does not hold up its neighbours, and arrives whole in the end`() async throws {
    var options = HubOptions()
    options.streams.streamBytesPerSecond = 40
    options.streams.streamBurstBytes = 45
    let rig = try await Rig(hub: options, dialect: .loki)
    let forty = String(repeating: "x", count: 40)
    try await rig.push([.init(app: "chatty", entries: [(0, forty)])])
    rig.runSender()
    _ = await rig.drained()
    await rig.stopSender()
    try await rig.push([.init(app: "chatty", entries: [(1, forty)]), .init(app: "b", entries: [(1, "b")])])
    try await rig.push([.init(app: "chatty", entries: [(2, "end")]), .init(app: "c", entries: [(2, "c")])])
    rig.runSender()
    #expect(await rig.drained().acknowledged == 5)
    #expect(await rig.sender.statistics.sentSamples == 5)
    #expect(rig.received("chatty") == [forty, forty, "end"])
    #expect(rig.received("b") == ["b"] && rig.received("c") == ["c"])
    let statuses = rig.hub.requests().map(\.status)
    #expect(statuses.prefix(4) == [204, 429, 204, 204], "the others went ahead")
    #expect(rig.hub.snapshot().duplicateLines == 0)
    await rig.stop()
  }

  @Test func `what several streams are refused for together is not masked by the last of them`() async throws {
    var options = HubOptions()
    options.streams.streamBytesPerSecond = 1
    options.streams.streamBurstBytes = 100
    let rig = try await Rig(hub: options, dialect: .loki)
    let sixty = String(repeating: "x", count: 60)
    for step in 0..<2 {
      try await rig.push([.init(app: "chatty", entries: [(step, sixty)]), .init(app: "z", entries: [(step, "fine")])])
    }
    rig.runSender()
    await eventually("the quiet one is through") { rig.received("z").count == 2 }
    await eventually("the other one was told") { await rig.sender.statistics.failedRequests > 0 }
    #expect(await rig.queue.statistics.acknowledged == 0, "nothing is taken for delivered")
    await rig.stop()
  }

  @Test func `after a complaint nothing travels together for a while`() async throws {
    let rig = try await Rig(dialect: .loki)
    rig.hub.inject(.status(429))
    for step in 0..<3 {
      try await rig.push(["a", "b"].map { .init(app: $0, entries: [(step, "x")]) })
      if step == 0 { rig.runSender() }
      _ = await rig.drained()
    }
    #expect(rig.hub.requests().map(\.items) == [0, 1, 1, 1, 1, 1, 1])
    await rig.stop()
  }

  @Test func `a 400 that hides that lines came too fast is sent again`() async throws {
    let rig = try await Rig(dialect: .loki)
    let body = "reason: 'Per stream rate limit exceeded', reason: 'entry too far behind', total ignored: 2 out of 2"
    rig.hub.inject(.status(400, body: body))
    try await rig.push((0, "a"), (1, "b"))
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 2 && queue.rejected == 0)
    #expect(rig.received() == ["a", "b"])
    await rig.stop()
  }

  @Test(arguments: [
    ("ingestion rate limit exceeded", RefusalReason.rateLimited),
    ("maximum active stream limit exceeded", .streamLimited),
  ])
  func `a 429 the user does not want tried again costs its lines, counted`(_ body: String, _ reason: RefusalReason)
    async throws
  {
    var options = Rig.quick
    options.limits.retriesTooManyRequests = false
    let rig = try await Rig(sender: options, dialect: .loki)
    rig.hub.inject(.status(429, body: body))
    try await rig.push((0, "a"), (1, "b"))
    rig.runSender()
    #expect(await rig.drained().rejected == 2)
    #expect(await rig.sender.statistics.rejectedSamples == [reason: 2])
    #expect(reason.lokiReason == reason.rawValue)
    await rig.stop()
  }

  @Test func `Retry-After is obeyed for the whole endpoint`() async throws {
    let rig = try await Rig(dialect: .loki)
    rig.hub.inject(.status(429, retryAfter: "600", body: "Per stream rate limit exceeded"))
    try await rig.push([.init(app: "a", entries: [(0, "1")]), .init(app: "b", entries: [(0, "2")])])
    try await rig.push((1, "x"))
    rig.runSender()
    await eventually("it waits") {
      guard case .backingOff(let until) = await rig.sender.statistics.state else { return false }
      return until > monotonicNanoseconds() + 300 * 1_000_000_000
    }
    #expect(rig.hub.requests().count == 1)
    await rig.sender.retryNow()
    #expect(await rig.drained().acknowledged == 3)
    await rig.stop()
  }

  @Test func `a tenant that may not push does not hold up the others`() async throws {
    let rig = try await Rig(dialect: .loki, tenant: "home")
    rig.hub.inject(.status(401, body: "no such tenant"))
    try await rig.push([.init(tenant: "guest", entries: [(0, "theirs")]), .init(entries: [(0, "ours")])])
    rig.runSender()
    #expect(await rig.drained().acknowledged == 2)
    #expect(rig.hub.requests().map { $0.headers["X-Scope-OrgID"] } == ["guest", "home", "guest"])
    await rig.stop()
  }
}
