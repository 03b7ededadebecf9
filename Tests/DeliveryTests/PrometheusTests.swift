// SPDX-License-Identifier: Apache-2.0

import Delivery
import HTTP
import Hub
import Linux
import Queue
import Telemetry
import Testing
import Wire

/// What holds of the embedded hub must hold of the real one.
@Suite(.enabled(if: PrometheusProcess.isInstalled)) struct PrometheusTests {
  @Test func `a backlog with a poisoned sample arrives, except for that sample`() async throws {
    let rig = try await Rig()
    let prometheus = try await PrometheusProcess(rig.client)
    try await rig.restart(port: prometheus.port)
    try await rig.scrape(0, series: 500)
    rig.runSender()
    _ = await rig.drained()
    await rig.stopSender()
    for step in 1..<6 {
      try await rig.scrape(step * 1000, series: 500) { step == 3 && $0 == 123 ? rig.time(-1) : nil }
    }
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.acknowledged == 2999 && queue.rejected == 1)
    #expect(await rig.sender.statistics.rejectedSamples == [.outOfOrder: 1])
    let count = try await prometheus.query("sum(count_over_time({job=%22node%22}[15m]))", rig.client)
    #expect(count == 2999)
    await rig.stop()
  }

  @Test func `samples from before a step back of the clock are refused and counted, not dropped in silence`()
    async throws
  {
    let rig = try await Rig()
    let prometheus = try await PrometheusProcess(rig.client)
    try await rig.restart(port: prometheus.port)
    for step in [0, 10, 5, 20] { try await rig.scrape(step * 1000, series: 10) }
    rig.runSender()
    _ = await rig.drained()
    // New to this process, so that there is no doubt about who has sent what.
    for step in [25, 22, 30] { try await rig.scrape(step * 1000, series: 10) }
    let queue = await rig.drained()
    let stored = try #require(try await prometheus.query("sum(count_over_time({job=%22node%22}[15m]))", rig.client))
    #expect(stored == 50)
    #expect(queue.rejected + UInt64(await rig.sender.statistics.replayedSamples) == 20)
    #expect(await rig.sender.statistics.rejectedSamples == [.outOfOrder: 10])
    await rig.stop()
  }

  @Test func `blocks that had been delivered before a crash are not counted as refused`() async throws {
    let rig = try await Rig()
    let prometheus = try await PrometheusProcess(rig.client)
    for _ in 0..<2 {
      try await rig.restart(port: prometheus.port)
      for step in 0..<3 { try await rig.scrape(step * 1000, series: 20) }
      rig.runSender()
      #expect(await rig.drained().rejected == 0)
    }
    #expect(await rig.sender.statistics.replayedSamples == 40)
    #expect(try await prometheus.query("sum(count_over_time({job=%22node%22}[15m]))", rig.client) == 60)
    await rig.stop()
  }

  /// Not so within one request: there Prometheus drops what is out of order without a word, and the hub refuses it.
  @Test func `the embedded hub answers as Prometheus does`() async throws {
    let rig = try await Rig()
    let prometheus = try await PrometheusProcess(rig.client)
    let now = wallClockMilliseconds()
    // One request a line: series, milliseconds from now, value.
    let requests: [[(Int, Int64, Double)]] = [
      [(0, -60_000, 1), (1, -60_000, 1)], [(0, -60_000, 1)], [(0, -60_000, 2)], [(0, -61_000, 1)], [(0, -59_000, 3)],
      [(2, -59_000, 1), (0, -59_500, 1)], [(2, -59_800, 1)], [(4, 0, 1)],
      [(5, -3_700_000, 1)], [(5, -3_500_000, 1)], [(6, -10, 1), (6, -5, 2), (6, -5, 2)], [(6, -5, .nan)],
      [(7, 1, .nan), (7, 1, .nan)],
    ]
    for request in requests {
      var encoder = RemoteWriteEncoder()
      for (series, time, value) in request {
        encoder.add(
          packedLabels: Rig.labels(series).packed.span, valueBits: value.bitPattern, timestampMilliseconds: now + time)
      }
      var body: [UInt8] = []
      encoder.finish(snappy: &body)
      var answers: [String] = []
      for port in [rig.hub.port, prometheus.port] {
        let url = HTTPURL(.http, host: "127.0.0.1", port: port, path: "/api/v1/write")
        let headers: Headers = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]
        let response = try await rig.client.send(
          HTTPRequest("POST", url, headers: headers, body: body), timeout: .seconds(20), bodyLimit: 1 << 10)
        let text = String(decoding: response.body, as: UTF8.self)
        answers.append("\(response.status) \(response.status == 204 ? "" : RefusalReason(body: text).rawValue)")
      }
      #expect(answers[0] == answers[1], "\(request)")
    }
    await rig.stop()
  }
}
