// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// Targets with an address, scraped over HTTP, and what Prometheus sees of their coming and going.
@Suite(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"))
struct ScrapeTests {
  private static let reports = [
    "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added",
  ]

  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test(.enabled(if: NodeExporterServer.isInstalled, "Debian's prometheus-node-exporter is not installed"))
  func `a target that stops is down and its series end; when it is back they go on`() async throws {
    let prometheus = try await PrometheusServer.start()
    let exporter = NodeExporterServer()
    try await exporter.start()
    let agent = try await AgentProcess.run(
      scrape("127.0.0.1:\(exporter.port)") + remoteWrite(prometheus), in: directory)

    try await eventually("it is up") { try await prometheus.value("up") == 1 }
    try await eventually("its series are there") { try await prometheus.value("node_load1") != nil }
    let up = try #require(try await prometheus.query("up").first)
    #expect(
      up.labels == ["__name__": "up", "job": "prometheus.scrape.own", "instance": "127.0.0.1:\(exporter.port)"])
    for name in Self.reports { #expect(try await prometheus.value(name) != nil, "\(name)") }
    #expect(try await prometheus.value("scrape_samples_scraped") ?? 0 > 30)

    await exporter.stop()
    try await eventually("it is down") { try await prometheus.value("up") == 0 }
    // Without markers an instant query would find them for five minutes more.
    try await eventually("its series have ended") {
      try await prometheus.query(#"{__name__=~"(node|process|go)_.*"}"#).isEmpty
    }
    #expect(try await prometheus.value("scrape_samples_scraped") == 0)
    try await agent.waitForLine("msg=\"scrape failed\"")

    try await exporter.start()
    try await eventually("it is up again") { try await prometheus.value("up") == 1 }
    try await eventually("its series are back") { try await prometheus.value("node_load1") != nil }
    try await agent.waitForLine("msg=\"scrape succeeds again\"")
    await agent.stop()
    await prometheus.stop()
  }

  @Test func `a target that a reload takes away leaves nothing that looks alive`() async throws {
    let prometheus = try await PrometheusServer.start()
    let (staying, leaving) = (try await ExpositionTarget.start(), try await ExpositionTarget.start())
    let agent = try await AgentProcess.run(
      scrape(staying.address, leaving.address) + remoteWrite(prometheus), in: directory)
    try await eventually("both are up") { try await prometheus.value("sum(up)") == 2 }

    try replaceFile(
      directory.path("config.alloy"), with: Array((scrape(staying.address) + remoteWrite(prometheus)).utf8).span)
    agent.signal(hangUpSignal)
    try await agent.waitForLine("msg=reloaded")
    try await eventually("one is left") { try await prometheus.query("up").count == 1 }
    #expect(try await prometheus.query("up").first?.labels["instance"] == staying.address)
    try await eventually("so of its series") { try await prometheus.query("target_pages_total").count == 1 }
    await agent.stop()
    await prometheus.stop()
    await staying.stop()
    await leaving.stop()
  }

  @Test func `labels of the page give way to the target's, or win with honor_labels`() async throws {
    let prometheus = try await PrometheusServer.start()
    let target = try await ExpositionTarget.start(#"federated{job="theirs",instance="elsewhere",zone="a"} 7"#)
    let agent = try await AgentProcess.run(
      scrape(target.address) + scrape(target.address, name: "honest", more: "honor_labels = true")
        + remoteWrite(prometheus), in: directory)
    try await eventually("both ways are there") { try await prometheus.query("federated").count == 2 }
    let labels = try await prometheus.query("federated").map(\.labels)
    #expect(
      labels.contains([
        "__name__": "federated", "job": "prometheus.scrape.own", "instance": target.address, "zone": "a",
        "exported_job": "theirs", "exported_instance": "elsewhere",
      ]), "\(labels)")
    #expect(
      labels.contains(["__name__": "federated", "job": "theirs", "instance": "elsewhere", "zone": "a"]), "\(labels)")
    await agent.stop()
    await prometheus.stop()
    await target.stop()
  }

  // MARK: Configurations

  private func scrape(_ addresses: String..., name: String = "own", more: String = "") -> String {
    """
    prometheus.scrape "\(name)" {
      targets         = [\(addresses.map { "{ \"__address__\" = \"\($0)\" }" }.joined(separator: ", "))]
      forward_to      = [prometheus.remote_write.hub.receiver]
      scrape_interval = "1s"
      scrape_timeout  = "1s"
      \(more)
    }

    """
  }

  private func remoteWrite(_ prometheus: PrometheusServer) -> String {
    """
    prometheus.remote_write "hub" {
      endpoint {
        url = "\(prometheus.writeURL)"
      }
    }

    """
  }
}
