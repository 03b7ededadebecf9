// SPDX-License-Identifier: Apache-2.0

import Hub
import Linux
import TestSupport
import Testing

/// The hub goes away, the agent is killed, both come back: what a finished scrape brought is there, once and in order.
struct OutageTests {
  private static let names = ["target_pages_total", "target_echo", "up"]

  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(target: ExpositionTarget, writeURL: String) -> String {
    """
    prometheus.scrape "own" {
      targets         = [{ "__address__" = "\(target.address)" }]
      forward_to      = [prometheus.remote_write.hub.receiver]
      scrape_interval = "500ms"
      scrape_timeout  = "500ms"
    }

    prometheus.remote_write "hub" {
      endpoint {
        url = "\(writeURL)"
      }
    }

    """
  }

  @Test(
    .enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"), arguments: ["0s", "30m"])
  func `an outage of Prometheus with kill -9 in it leaves no gap and nothing twice`(
    outOfOrderWindow: String
  ) async throws {
    let target = try await ExpositionTarget.start()
    let prometheus = try await PrometheusServer.start(outOfOrderWindow: outOfOrderWindow)
    let configuration = configuration(target: target, writeURL: prometheus.writeURL)
    var agent = try await AgentProcess.run(configuration, in: directory)
    try await eventually("scrapes are at the hub") { try await stored(prometheus, "target_pages_total").count >= 3 }
    await prometheus.stop()

    var waiting: [String: Set<QueueDump.Sample>] = [:]
    for round in 1...3 {
      await morePages(4, of: target)
      await agent.killAtOnce()
      let dump = try await QueueDump(ofState: directory.path("state")).samples.mapValues { Set($0) }
      for name in Self.names {
        let (before, now) = (waiting[name] ?? [], dump[name] ?? [])
        #expect(now.isSuperset(of: before) && now.count >= before.count + 3, "\(name), kill \(round)")
      }
      waiting = dump
      if round < 3 { agent = try await AgentProcess.run(configuration, in: directory) }
    }

    try await prometheus.start()
    agent = try await AgentProcess.run(configuration, in: directory)
    await morePages(2, of: target)
    try await expectDrained(agent)
    await agent.stop()

    for name in Self.names {
      let arrived = try await stored(prometheus, name)
      let dumped = try #require(waiting[name])
      let outage = dumped.map(\.timestampMilliseconds).min()!...dumped.map(\.timestampMilliseconds).max()!
      #expect(Set(arrived.filter { outage.contains($0.timestampMilliseconds) }) == dumped, "\(name)")
    }
    try await expectNoGaps(prometheus, kills: 3)
    await prometheus.stop()
    await target.stop()
  }

  @Test(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"))
  func `kill -9 while Prometheus takes everything leaves no gap and nothing twice`() async throws {
    let target = try await ExpositionTarget.start()
    let prometheus = try await PrometheusServer.start()
    let configuration = configuration(target: target, writeURL: prometheus.writeURL)
    for kill in 1...4 {
      let agent = try await AgentProcess.run(configuration, in: directory)
      // At a different moment between two scrapes each time.
      await morePages(2, of: target)
      try await Task.sleep(for: .milliseconds(kill * 110))
      await agent.killAtOnce()
    }
    let agent = try await AgentProcess.run(configuration, in: directory)
    await morePages(2, of: target)
    try await expectDrained(agent)
    await agent.stop()
    try await expectNoGaps(prometheus, kills: 4)
    await prometheus.stop()
    await target.stop()
  }

  @Test func `what a hub stored without saying so is sent to it once more, and counted once`() async throws {
    let target = try await ExpositionTarget.start()
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let configuration = configuration(target: target, writeURL: "http://127.0.0.1:\(hub.port)/api/v1/write")
    let agent = try await AgentProcess.run(configuration, in: directory)
    await morePages(1, of: target)
    await loseAnswers(3, of: hub)
    await morePages(2, of: target)
    try await expectDrained(agent)
    await agent.stop()

    // What was sent again is no more than what the hub kept silent about, the rest of it being refused as known.
    let unsaid = unanswered(hub).reduce(0) { $0 + $1.items }
    #expect((1...unsaid).contains(hub.snapshot().duplicateSamples))
    expectNoGaps(hub, kills: 0)
    await hub.stop()
    await target.stop()
  }

  @Test func `kill -9 between what a hub stored and its answer makes no difference to the hub`() async throws {
    let target = try await ExpositionTarget.start()
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let configuration = configuration(target: target, writeURL: "http://127.0.0.1:\(hub.port)/api/v1/write")
    for _ in 1...3 {
      let agent = try await AgentProcess.run(configuration, in: directory)
      await morePages(1, of: target)
      await loseAnswers(1, of: hub)
      await agent.killAtOnce()
    }
    let agent = try await AgentProcess.run(configuration, in: directory)
    await morePages(2, of: target)
    try await expectDrained(agent)
    await agent.stop()
    #expect(hub.snapshot().duplicateSamples > 0)
    expectNoGaps(hub, kills: 3)
    await hub.stop()
    await target.stop()
  }

  // MARK: Steps

  private func morePages(_ count: Int, of target: ExpositionTarget) async {
    let enough = target.pages + count
    await eventually("\(count) more scrapes") { target.pages >= enough }
  }

  private func unanswered(_ hub: EmbeddedHub) -> [HubRequest] { hub.requests().filter { $0.status == 0 } }

  /// Lets the hub store that many requests more without saying so. One that it refuses uses the fault up in vain.
  private func loseAnswers(_ count: Int, of hub: EmbeddedHub) async {
    let enough = unanswered(hub).count + count
    await eventually("\(count) answers are lost") {
      hub.clearFaults()
      if unanswered(hub).count < enough { hub.inject(.commitThenDrop) }
      return unanswered(hub).count >= enough
    }
  }

  /// Nothing waits, nothing was refused or dropped; and the accounts add up whenever one looks.
  private func expectDrained(_ agent: AgentProcess) async throws {
    try await eventually("the queue is empty") {
      let metrics = try await agent.metrics()
      let accounted = ["acknowledged_items_total", "rejected_items_total", "dropped_items_total", "pending_items"]
        .reduce(0) { $0 + metrics.sum("spoke_queue_\($1)") }
      #expect(metrics.sum("spoke_queue_enqueued_items_total") == accounted)
      #expect(metrics.sum("spoke_queue_rejected_items_total") == 0)
      #expect(metrics.sum("spoke_queue_dropped_items_total") == 0)
      return metrics.sum("spoke_queue_acknowledged_items_total") > 0 && metrics.sum("spoke_queue_pending_items") == 0
    }
  }

  // MARK: What arrived

  private func stored(_ prometheus: PrometheusServer, _ name: String) async throws -> [QueueDump.Sample] {
    let series = try await prometheus.query("\(name)[10m]")
    #expect(series.count <= 1)
    return series.first?.samples ?? []
  }

  private func expectNoGaps(_ prometheus: PrometheusServer, kills: Int) async throws {
    expectNoGaps(
      pages: try await stored(prometheus, "target_pages_total"), echoes: try await stored(prometheus, "target_echo"),
      ups: try await stored(prometheus, "up"), kills: kills)
  }

  private func expectNoGaps(_ hub: EmbeddedHub, kills: Int) {
    func samples(_ name: String) -> [QueueDump.Sample] {
      let series = hub.series(named: name)
      #expect(series.count == 1)
      // What ends a series is no number, and Prometheus does not show it either.
      return series.flatMap(\.samples).filter { !$0.value.isNaN }.map {
        QueueDump.Sample(timestampMilliseconds: $0.timestampMilliseconds, value: $0.value)
      }
    }
    expectNoGaps(pages: samples("target_pages_total"), echoes: samples("target_echo"), ups: samples("up"), kills: kills)
  }

  /// Each page there once, in order. A page may be missing when its scrape was not finished: cut by a kill, or too slow,
  /// which `up` tells.
  private func expectNoGaps(
    pages: [QueueDump.Sample], echoes: [QueueDump.Sample], ups: [QueueDump.Sample], kills: Int
  ) {
    #expect(zip(pages, pages.dropFirst()).allSatisfy { $0.value < $1.value }, "\(pages)")
    #expect(zip(pages, pages.dropFirst()).allSatisfy { $0.timestampMilliseconds < $1.timestampMilliseconds })
    #expect(pages.first?.value == 1)
    let missing = Int(pages.last?.value ?? 0) - pages.count
    let failures = ups.count { $0.value == 0 }
    #expect(missing <= kills + failures, "\(missing) missing of \(pages)")
    #expect(pages.map { -$0.value } == echoes.map(\.value))
    #expect(pages.map(\.timestampMilliseconds) == echoes.map(\.timestampMilliseconds))
    #expect(ups.count - failures == pages.count)
  }
}
