// SPDX-License-Identifier: Apache-2.0

import Delivery
import HTTP
import Hub
import Linux
import Queue
import Telemetry
import TestSupport
import Testing

/// `Sun Nov  6 08:49:37 1994`, the form that is shortest to make.
private func httpDate(secondsFromNow seconds: Int64) -> String {
  let text = rfc3339(nanoseconds: wallClockNanoseconds() + seconds * 1_000_000_000)
  let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  let parts = text.split { $0 == "-" || $0 == "T" || $0 == "." }
  return "Sun \(months[Int(parts[1])! - 1]) \(parts[2]) \(parts[3]) \(parts[0])"
}

@Suite struct SenderOutageTests {
  @Test func `what was queued during an outage arrives once and in order, merged`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.status(503), count: 5)
    for step in 0..<50 { try await rig.scrape(step, series: 10) }
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 500 && queue.rejected == 0)
    for index in 0..<10 { #expect(rig.steps(index) == Array(0..<50)) }
    #expect(rig.hub.snapshot().duplicateSamples == 0)
    let requests = rig.hub.requests().filter { $0.status == 204 }
    #expect(requests.count < 10, "fifty blocks should go in a few requests")
    let statistics = await rig.sender.statistics
    #expect(statistics.sentSamples == 500 && statistics.failedRequests == 5 && statistics.state == .up)
    #expect(statistics.highestSentTimestampMilliseconds == rig.time(49))
    #expect(statistics.lastFailure?.text == "503: injected fault")
    await rig.stop()
  }

  @Test func `one block that waits alone is sent as it was stored`() async throws {
    let rig = try await Rig()
    rig.runSender()
    for step in 0..<5 {
      try await rig.scrape(step, series: 3)
      _ = await rig.drained()
    }
    #expect(rig.hub.requests().map(\.items) == [3, 3, 3, 3, 3])
    await rig.stop()
  }

  @Test func `a request says what it is, how often it was tried, and nothing the user put over that`() async throws {
    let rig = try await Rig(headers: [
      Headers.Field(name: "X-Scope-OrgID", value: "home"), Headers.Field(name: "content-type", value: "text/plain"),
      Headers.Field(name: "User-Agent", value: "other"), Headers.Field(name: "Content-Encoding", value: "none"),
    ])
    rig.hub.inject(.status(500), count: 2)
    try await rig.scrape(0, series: 1)
    rig.runSender()
    _ = await rig.drained()
    let requests = rig.hub.requests()
    #expect(requests.map { $0.headers["Retry-Attempt"] } == [nil, "1", "2"])
    let headers = try #require(requests.last).headers
    #expect(headers.values(of: "Content-Type") == ["application/x-protobuf"])
    #expect(headers.values(of: "Content-Encoding") == ["snappy"])
    #expect(headers.values(of: "User-Agent") == ["spoke/1.2.3"])
    #expect(headers.values(of: "X-Prometheus-Remote-Write-Version") == ["0.1.0"])
    #expect(headers.values(of: "X-Scope-OrgID") == ["home"])
    await rig.stop()
  }

  @Test func `a hub that is not there at all is found when it comes`() async throws {
    let rig = try await Rig()
    let port = rig.hub.port
    await rig.hub.stop()
    try await rig.scrape(0, series: 4)
    rig.runSender()
    await eventually("an attempt has failed") { await rig.sender.statistics.failedRequests > 1 }
    #expect(await rig.queue.statistics.pending == 4)
    let hub = try await EmbeddedHub.start(port: port, on: rig.network)
    _ = await rig.drained()
    #expect(hub.snapshot().samples == 4)
    await hub.stop()
    await rig.stop()
  }

  @Test func `the login page of a guest network is not mistaken for success`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.webPage, count: 3)
    try await rig.scrape(0, series: 4)
    rig.runSender()
    #expect(await rig.drained().acknowledged == 4)
    #expect(rig.hub.snapshot().samples == 4)
    #expect(rig.lines.count("a web page answered") == 1)
    await rig.stop()
  }

  @Test func `Retry-After is obeyed`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.status(429, retryAfter: "600"))
    try await rig.scrape(0, series: 1)
    rig.runSender()
    await eventually("it waits") {
      guard case .backingOff(let until) = await rig.sender.statistics.state else { return false }
      return until > monotonicNanoseconds() + 300 * 1_000_000_000
    }
    #expect(rig.hub.requests().count == 1)
    await rig.sender.retryNow()
    #expect(await rig.drained().acknowledged == 1)
    await rig.stop()
  }

  @Test func `a hub whose clock is elsewhere is told of once, and its dates are read by its own clock`() async throws {
    var options = HubOptions()
    options.clockAhead = .seconds(-7200)
    let rig = try await Rig(hub: options)
    // Ten minutes from now by the hub's clock, which is two hours behind ours.
    rig.hub.inject(.status(503, retryAfter: httpDate(secondsFromNow: 600 - 7200)))
    try await rig.scrape(-7_200_000, series: 1)
    rig.runSender()
    await eventually("it waits") {
      guard case .backingOff(let until) = await rig.sender.statistics.state else { return false }
      return until > monotonicNanoseconds() + 500 * 1_000_000_000
    }
    await rig.sender.retryNow()
    #expect(await rig.drained().acknowledged == 1)
    #expect(abs((await rig.sender.statistics.clockSkewSeconds ?? 0) - 7200) < 60)
    #expect(rig.lines.count("clock differs") == 1)
    await rig.stop()
  }

  @Test func `a 429 the user does not want tried again costs its samples, counted`() async throws {
    var options = Rig.quick
    options.limits.retriesTooManyRequests = false
    let rig = try await Rig(sender: options)
    rig.hub.inject(.status(429))
    try await rig.scrape(0, series: 3)
    rig.runSender()
    #expect(await rig.drained().rejected == 3)
    #expect(await rig.sender.statistics.rejectedSamples == [.rateLimited: 3])
    await rig.stop()
  }

  @Test func `a wrong endpoint is held, not emptied into, and goes on once it is right`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.status(404), count: 1000)
    for step in 0..<3 { try await rig.scrape(step, series: 2) }
    rig.runSender()
    await eventually("it is held") {
      guard case .rejecting(404, _) = await rig.sender.statistics.state else { return false }
      return await rig.sender.statistics.failedRequests > 3
    }
    #expect(await rig.queue.statistics.pending == 6)
    #expect(rig.lines.count("--web.enable-remote-write-receiver") == 1, "told loudly, but once")
    rig.hub.clearFaults()
    #expect(await rig.drained().acknowledged == 6)
    #expect(rig.steps(1) == [0, 1, 2])
    #expect(rig.lines.count("takes data again") == 1)
    await rig.stop()
  }
}

@Suite struct SenderRefusalTests {
  @Test func `a poisoned sample among thousands is refused alone; its neighbours arrive exactly once`() async throws {
    var options = Rig.quick
    options.maxSamplesPerSend = 10_000
    let rig = try await Rig(sender: options)
    let future = wallClockMilliseconds() + 3_600_000
    try await rig.scrape(0, series: 1500)
    try await rig.scrape(1, series: 1500) { $0 == 777 ? future : nil }
    try await rig.scrape(2, series: 1500)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 4499 && queue.rejected == 1)
    for index in 0..<1500 { #expect(rig.steps(index) == (index == 777 ? [0, 2] : [0, 1, 2])) }
    #expect(rig.hub.snapshot().duplicateSamples == 0)
    let statistics = await rig.sender.statistics
    #expect(statistics.rejectedSamples == [.outOfBounds: 1])
    #expect(statistics.sentSamples == 4499 && statistics.replayedSamples == 0)
    #expect(statistics.lastFailure?.text.contains("s777") == true)
    await rig.stop()
  }

  @Test func `several culprits in one block are each found`() async throws {
    let rig = try await Rig()
    let culprits: Set = [0, 1, 63, 99]
    try await rig.scrape(5, series: 100)
    rig.runSender()
    _ = await rig.drained()
    try await rig.scrape(6, series: 100) { culprits.contains($0) ? rig.time(4) : nil }
    let queue = await rig.drained()
    #expect(queue.rejected == 4 && queue.acknowledged == 196)
    #expect(await rig.sender.statistics.rejectedSamples == [.outOfOrder: 4])
    for index in 0..<100 { #expect(rig.steps(index) == (culprits.contains(index) ? [5] : [5, 6])) }
    await rig.stop()
  }

  @Test(arguments: [(0, RefusalReason.outOfBounds), (3600, .tooOld)])
  func `a backlog older than the hub takes is not asked about sample by sample`(
    window: Int, reason: RefusalReason
  ) async throws {
    var options = HubOptions()
    options.outOfOrderWindow = .seconds(window)
    let rig = try await Rig(hub: options)
    try await rig.scrape(0, series: 1)
    rig.runSender()
    _ = await rig.drained()
    for step in 0..<3 { try await rig.scrape(step - 4_000_000, series: 500) }
    try await rig.scrape(1, series: 500)
    let queue = await rig.drained()
    #expect(queue.rejected == 1500 && queue.acknowledged == 501)
    #expect(await rig.sender.statistics.rejectedSamples == [reason: 1500])
    #expect(rig.hub.requests().count < 60)
    #expect(rig.lines.count("refused data for good") == 1)
    await rig.stop()
  }

  @Test func `an outage in the middle of the search for a culprit loses nothing`() async throws {
    let rig = try await Rig()
    try await rig.scrape(5, series: 64) { $0 == 40 ? wallClockMilliseconds() + 3_600_000 : nil }
    rig.hub.inject(.delay(.zero), count: 2)
    rig.hub.inject(.status(503), count: 3)
    rig.hub.inject(.delay(.zero), count: 2)
    rig.hub.inject(.reset, count: 2)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.rejected == 1 && queue.acknowledged == 63)
    #expect(rig.hub.snapshot().samples == 63)
    await rig.stop()
  }

  @Test func `requests too large are halved until they fit`() async throws {
    var small = HubOptions()
    small.maxBodyBytes = 4096
    let rig = try await Rig(hub: small)
    for step in 0..<4 { try await rig.scrape(step, series: 300) }
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 1200 && queue.rejected == 0)
    for index in 0..<300 { #expect(rig.steps(index) == [0, 1, 2, 3]) }
    await rig.stop()
  }

  @Test func `a series too large by itself is refused by itself`() async throws {
    var small = HubOptions()
    small.maxBodyBytes = 30
    let rig = try await Rig(hub: small)
    try await rig.scrape(0, series: 2)
    rig.runSender()
    #expect(await rig.drained().rejected == 2)
    #expect(await rig.sender.statistics.rejectedSamples == [.tooLarge: 2])
    await rig.stop()
  }

  @Test func `a block nobody can read is refused as a whole, and the next one goes on`() async throws {
    let rig = try await Rig()
    let block = Block(
      kind: 1, items: 9, minTimestampMilliseconds: 0, maxTimestampMilliseconds: 0, payload: Array("rubbish".utf8))
    try await rig.queue.append([block])
    try await rig.scrape(0, series: 2)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.rejected == 9 && queue.acknowledged == 2)
    #expect(await rig.sender.statistics.rejectedSamples == [.invalid: 9])
    await rig.stop()
  }
}

@Suite struct SenderUncertaintyTests {
  @Test func `a reset connection is tried again`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.reset, count: 3)
    try await rig.scrape(0, series: 5)
    rig.runSender()
    #expect(await rig.drained().acknowledged == 5)
    #expect(rig.hub.snapshot().samples == 5)
    await rig.stop()
  }

  @Test func `a hub that never answers is given up on and tried again`() async throws {
    let rig = try await Rig(timeout: .milliseconds(200))
    rig.hub.inject(.hang)
    try await rig.scrape(0, series: 5)
    rig.runSender()
    #expect(await rig.drained().acknowledged == 5)
    #expect(await rig.sender.statistics.failedRequests >= 1)
    await rig.stop()
  }

  @Test func `what was stored without our being told is sent again the same, and acknowledged`() async throws {
    let rig = try await Rig()
    rig.hub.inject(.commitThenDrop, count: 2)
    try await rig.scrape(0, series: 20)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 20 && queue.rejected == 0)
    #expect(rig.hub.snapshot().samples == 20)
    for index in 0..<20 { #expect(rig.hub.series(Rig.labels(index))?.duplicates == 2) }
    await rig.stop()
  }

  @Test func `merged blocks stored without our being told count as delivered, not as refused`() async throws {
    let rig = try await Rig()
    for step in 0..<3 { try await rig.scrape(step, series: 8) }
    rig.hub.inject(.commitThenDrop)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 24 && queue.rejected == 0)
    for index in 0..<8 { #expect(rig.steps(index) == [0, 1, 2]) }
    let statistics = await rig.sender.statistics
    #expect(statistics.rejectedSamples.isEmpty)
    #expect(statistics.replayedSamples == 16, "the last of three is equal to what the hub has, and is taken")
    await rig.stop()
  }

  @Test func `a backlog stored without our being told is not asked about sample by sample`() async throws {
    let rig = try await Rig()
    for step in 0..<10 { try await rig.scrape(step, series: 150) }
    rig.hub.inject(.commitThenDrop)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 1500 && queue.rejected == 0)
    for index in 0..<150 { #expect(rig.steps(index) == Array(0..<10)) }
    #expect(rig.hub.snapshot().samples == 1500)
    // Ten blocks, each cut down five times from 150 samples to one; asking about all would take 3,000.
    #expect(rig.hub.requests().count < 10 * 5 * 8 + 15)
    await rig.stop()
  }

  @Test func `of a block the hub has only in part, the rest is delivered`() async throws {
    let rig = try await Rig()
    try await rig.scrape(0, series: 40)
    // Another sender was first with newer samples of three series, so these are refused though never stored.
    for index in [0, 20, 30] { try await rig.pushBeside(step: 1, series: index) }
    rig.hub.inject(.reset)
    rig.runSender()
    _ = await rig.drained()
    for index in 0..<40 where ![0, 20, 30].contains(index) { #expect(rig.steps(index) == [0], "series \(index)") }
    await rig.stop()
  }

  @Test func `of a block mostly refused because of another sender, what the hub lacks is delivered all the same`()
    async throws
  {
    let rig = try await Rig()
    rig.runSender()
    try await rig.scrape(0, series: 40)
    _ = await rig.drained()
    for index in 0..<40 where index % 10 != 7 { try await rig.pushBeside(step: 2, series: index) }
    rig.hub.inject(.reset)
    try await rig.scrape(1, series: 40)
    let queue = await rig.drained()
    for index in [7, 17, 27, 37] { #expect(rig.steps(index) == [0, 1], "series \(index)") }
    #expect(queue.acknowledged == 44 && queue.rejected == 36)
    await rig.stop()
  }

  @Test func `a sender that is stopped and started in the middle of a backlog loses and doubles nothing`() async throws
  {
    let rig = try await Rig()
    for step in 0..<200 { try await rig.scrape(step, series: 20) }
    for delivered in [1, 800, 2000] {
      rig.hub.inject(.delay(.milliseconds(5)), count: 3)
      rig.runSender()
      await eventually("some of it is delivered") { rig.hub.snapshot().samples >= delivered }
      try await rig.restart()
    }
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 4000 && queue.rejected == 0)
    for index in 0..<20 { #expect(rig.steps(index) == Array(0..<200)) }
    #expect(rig.hub.snapshot().duplicateSamples == 0, "a request in flight is waited for")
    await rig.stop()
  }

  @Test func `a request whose grace runs out stays in the queue`() async throws {
    var options = Rig.quick
    options.grace = .milliseconds(1)
    let rig = try await Rig(sender: options)
    rig.hub.inject(.hang)
    try await rig.scrape(0, series: 3)
    rig.runSender()
    await eventually("the request is in flight") { rig.hub.requests().count == 1 }
    try await rig.restart()
    #expect(await rig.queue.statistics.pending == 3)
    rig.runSender()
    #expect(await rig.drained().acknowledged == 3)
    await rig.stop()
  }

  @Test func `samples beyond the age limit are dropped, not sent`() async throws {
    var options = Rig.quick
    options.sampleAgeLimit = .seconds(30)  // the rig's samples are a minute old
    let rig = try await Rig(sender: options)
    try await rig.scrape(0, series: 3)
    try await rig.scrape(59_000, series: 2)
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.dropped[.expired] == 3 && queue.acknowledged == 2)
    #expect(rig.hub.snapshot().samples == 2)
    await rig.stop()
  }
}

@Suite struct SenderFlushTests {
  @Test func `a flush waits for what is pending while the hub answers`() async throws {
    let rig = try await Rig()
    for step in 0..<30 { try await rig.scrape(step, series: 100) }
    rig.runSender()
    #expect(await rig.sender.flush(within: .seconds(30)))
    #expect(rig.hub.snapshot().samples == 3000)
    await rig.stop()
  }

  @Test func `a flush does not wait for a hub that is away`() async throws {
    var options = Rig.quick
    options.limits.shortestBackoff = .seconds(3600)
    options.limits.longestBackoff = .seconds(3600)
    let rig = try await Rig(sender: options)
    rig.hub.inject(.status(503), count: 1000)
    try await rig.scrape(0, series: 1)
    rig.runSender()
    await eventually("it waits") { await rig.sender.statistics.failedRequests == 1 }
    #expect(await rig.sender.flush(within: .seconds(3600)) == false)
    #expect(await rig.queue.statistics.pending == 1)
    await rig.stop()
  }
}

@Suite struct MetadataSenderTests {
  func batch(_ families: Int) -> SeriesBatch {
    var batch = SeriesBatch()
    for index in 0..<families {
      batch.family(MetricFamily(name: "f\(index)", type: .gauge, help: "Help of \(index).", unit: "bytes"))
      batch.append(1)
    }
    return batch
  }

  @Test func `metadata follow once the endpoint works, in requests of bounded size`() async throws {
    let rig = try await Rig()
    var options = MetadataSender.Options()
    options.sendInterval = .milliseconds(5)
    options.maxSamplesPerSend = 3
    let metadata = rig.metadataSender(options)
    metadata.note(batch(7))
    metadata.note(batch(7))
    let run = Task { await metadata.run() }
    rig.runSender()
    try await rig.scrape(0, series: 1)
    await eventually("the hub knows all families") { rig.hub.snapshot().families == 7 }
    let expected = MetricFamily(name: "f3", type: .gauge, help: "Help of 3.", unit: "bytes")
    #expect(rig.hub.metadata("f3") == expected)
    await eventually("it is counted") { await rig.sender.statistics.sentMetadata >= 7 }
    run.cancel()
    await run.value
    await rig.stop()
  }

  @Test func `of too many families, and of too long an explanation, no more than the bound is kept`() async throws {
    let rig = try await Rig()
    var options = MetadataSender.Options()
    options.sendInterval = .milliseconds(5)
    options.maxFamilies = 4
    options.maxHelpBytes = 10
    let metadata = rig.metadataSender(options)
    metadata.note(batch(9))
    #expect(metadata.familyCount == 4)
    var long = SeriesBatch()
    long.family(MetricFamily(name: "f0", type: .counter, help: String(repeating: "x", count: 5000)))
    metadata.note(long)
    let run = Task { await metadata.run() }
    rig.runSender()
    try await rig.scrape(0, series: 1)
    await eventually("the hub has the cut explanation") { rig.hub.metadata("f0")?.help == "xxxxxxxxxx" }
    #expect(rig.hub.metadata("f0")?.type == .counter)
    run.cancel()
    await run.value
    await rig.stop()
  }

  @Test func `nothing is sent to an endpoint that takes nothing`() async throws {
    let rig = try await Rig()
    var options = MetadataSender.Options()
    options.sendInterval = .milliseconds(1)
    let metadata = rig.metadataSender(options)
    metadata.note(batch(2))
    rig.hub.inject(.status(404), count: 100_000)
    let run = Task { await metadata.run() }
    rig.runSender()
    try await rig.scrape(0, series: 1)
    await eventually("it is held") { await rig.sender.statistics.failedRequests > 5 }
    #expect(await rig.sender.statistics.failedMetadata == 0)
    run.cancel()
    await run.value
    await rig.stop()
  }
}
