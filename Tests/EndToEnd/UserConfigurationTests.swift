// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// A host's configuration as it was written for Alloy, against the real Prometheus.
@Suite(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"))
struct UserConfigurationTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `the file is accepted as it is, and says what "disk" means`() async throws {
    let file = directory.path("host.alloy")
    try replaceFile(file, with: Array(try fixture("nixos-host.alloy").utf8).span)
    // Only the hub's address is not one yet.
    let refused = try await AgentProcess.command(["validate", file])
    #expect(refused.status == 1 && (refused.output + refused.errors).contains("<HUB_TAILSCALE_IP>"))

    try replaceFile(file, with: Array(try configuration(hubPort: 9090).utf8).span)
    let accepted = try await AgentProcess.command(["validate", file])
    #expect(accepted.status == 0, "\(accepted)")
    #expect((accepted.output + accepted.errors).contains(#""disk" is not a collector; using "diskstats""#))
  }

  @Test func `every 30 seconds, as it is written, the host's metrics arrive`() async throws {
    let prometheus = try await PrometheusServer.start()
    let agent = try await AgentProcess.run(try configuration(hubPort: prometheus.port), in: directory)
    // The first scrape comes at the target's own moment of the 30 seconds.
    try await eventually("the first scrape is at the hub", within: .seconds(75)) {
      try await prometheus.value(#"up{job="integrations/unix"}"#) == 1
    }
    #expect(try await prometheus.query("node_memory_MemAvailable_bytes").count == 1)
    await agent.stop()
    await prometheus.stop()
  }

  @Test func `dashboards and alerts find what they ask for`() async throws {
    let prometheus = try await PrometheusServer.start()
    let quick = try configuration(hubPort: prometheus.port)
      .replacing(#"scrape_interval = "30s""#, with: "scrape_interval = \"1s\"\n  scrape_timeout = \"1s\"")
      .replacing(#""netdev"]"#, with: #""netdev", "uname"]"#)
    let agent = try await AgentProcess.run(quick, in: directory)
    try await eventually("three scrapes are at the hub") {
      try await prometheus.value("count_over_time(up[5m])") ?? 0 >= 3
    }

    for name in [
      "up", "node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_load1", "node_filesystem_avail_bytes",
      "node_disk_read_bytes_total", "node_network_receive_bytes_total", "node_uname_info",
    ] {
      let series = try await prometheus.query(name)
      #expect(!series.isEmpty, "\(name)")
      for one in series {
        #expect(one.labels["job"] == "integrations/unix", "\(one)")
        #expect(one.labels["instance"] == hostname(), "\(one)")
        #expect(one.labels["cluster"] == "homelab-nixos", "\(one)")
        #expect(one.labels["host"] == hostname(), "\(one)")
      }
    }
    let memory = try await prometheus.value(
      "(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes * 100")
    #expect((0...100).contains(try #require(memory)))
    let cpu = try await prometheus.value(
      #"100 - (avg by(instance) (irate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)"#)
    // The kernel counts in hundredths of a second, so that an idle second may look longer than a second.
    #expect((-10...100).contains(try #require(cpu)))

    #expect(agent.log.contains(#""disk" is not a collector; using "diskstats""#))
    let metrics = try await agent.metrics()
    #expect(metrics.sum("spoke_queue_rejected_items_total") == 0)
    await agent.stop()
    await prometheus.stop()
  }

  /// The file with the hub's address in it, and the labels that tell hosts apart.
  private func configuration(hubPort: Int) throws -> String {
    try fixture("nixos-host.alloy")
      .replacing("<HUB_TAILSCALE_IP>:9090", with: "127.0.0.1:\(hubPort)")
      .replacing(
        "prometheus.remote_write \"remote_hub\" {\n",
        with: """
          prometheus.remote_write "remote_hub" {
            external_labels = { cluster = "homelab-nixos", host = constants.hostname }

          """)
  }
}
