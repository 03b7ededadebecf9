// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import Runtime
import Status
import Synchronization
import Telemetry
import TestSupport
import Testing

/// From a target to a hub.
@Suite struct PipelineTests {
  @Test func `the host's metrics arrive with the labels each stage gives them`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.exporter.unix "host" { set_collectors = ["loadavg", "uname"] }
      discovery.relabel "host" {
        targets = prometheus.exporter.unix.host.targets
        rule {
          target_label = "instance"
          replacement  = "spoke-1"
        }
        rule {
          source_labels = ["__meta_component_name"]
          target_label  = "exporter"
        }
      }
      prometheus.scrape "host" {
        targets    = discovery.relabel.host.output
        forward_to = [prometheus.relabel.tidy.receiver]
      }
      prometheus.relabel "tidy" {
        forward_to = [prometheus.remote_write.hub.receiver]
        rule {
          source_labels = ["__name__"]
          regex         = "node_load5"
          action        = "drop"
        }
        rule {
          target_label = "__tmp"
          replacement  = "x"
        }
      }
      prometheus.remote_write "hub" {
        external_labels = { cluster = "home", job = "never" }
        endpoint {
          url = "HUB"
          write_relabel_config {
            source_labels = ["cluster", "job"]
            separator     = "/"
            target_label  = "origin"
          }
          write_relabel_config {
            source_labels = ["__name__"]
            regex         = "scrape_.*"
            action        = "drop"
          }
        }
      }
      """)
    try await pipeline.controller.start()
    #expect(
      await pipeline.labels("node_load1") == [
        "__name__": "node_load1", "job": "integrations/unix", "instance": "spoke-1",
        "exporter": "prometheus.exporter.unix", "cluster": "home", "origin": "home/integrations/unix",
      ])
    let up = await pipeline.labels("up")
    #expect(up["instance"] == "spoke-1")
    #expect(pipeline.hub.series(named: "up").first?.samples.first?.value == 1)
    #expect(pipeline.hub.series(named: "node_load5").isEmpty)
    #expect(pipeline.hub.series(named: "scrape_duration_seconds").isEmpty)
    #expect(pipeline.hub.series().allSatisfy { series in series.labels.labels.allSatisfy { $0.name != "__tmp" } })
    let processed = await pipeline.metric(
      "prometheus_relabel_metrics_processed", ["component_id": "prometheus.relabel.tidy"])
    #expect(processed ?? 0 > 0)
    await pipeline.stop()
  }

  @Test func `a target that has a label keeps it against external labels, and its job against job_name`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets         = [{ __address__ = "PAGE", job = "mine", cluster = "theirs" }]
        forward_to      = [prometheus.remote_write.hub.receiver]
        job_name        = "other"
        scrape_interval = "30s"
      }
      prometheus.remote_write "hub" {
        external_labels = { cluster = "home", host = "h" }
        endpoint { url = "HUB" }
      }
      """, page: "x{host=\"exposed\",job=\"exposed\"} 1\n")
    try await pipeline.controller.start()
    let labels = await pipeline.labels("x")
    #expect(labels["job"] == "mine")
    #expect(labels["exported_job"] == "exposed")
    #expect(labels["cluster"] == "theirs")
    #expect(labels["host"] == "exposed")
    #expect(labels["instance"]?.hasPrefix("127.0.0.1:") == true)
    await pipeline.stop()
  }

  @Test func `credentials and headers reach the hub, and metadata follows`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets    = [{ __address__ = "PAGE" }]
        forward_to = [prometheus.remote_write.hub.receiver]
      }
      prometheus.remote_write "hub" {
        endpoint {
          url     = "HUB"
          headers = { "X-Scope-OrgID" = "me" }
          basic_auth {
            username = "user"
            password = "secret"
          }
          metadata_config { send_interval = "50ms" }
        }
        endpoint {
          url               = "SECOND"
          bearer_token_file = "DIR/token"
          metadata_config { send = false }
        }
      }
      """, page: "# HELP x What x is.\n# TYPE x counter\nx 1\n")
    try replaceFile(pipeline.directory.path("token"), with: Array("abc\n".utf8).span)
    try await pipeline.controller.start()
    _ = await pipeline.labels("x")
    _ = await pipeline.labels("x", at: pipeline.second)
    await eventually("metadata arrives") { pipeline.hub.metadata("x") != nil }
    #expect(pipeline.hub.metadata("x")?.help == "What x is.")
    #expect(pipeline.hub.metadata("x")?.type == .counter)
    #expect(pipeline.second.snapshot().families == 0)
    for request in pipeline.hub.requests() {
      #expect(request.headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ=")
      #expect(request.headers["X-Scope-OrgID"] == "me")
      #expect(request.headers["User-Agent"] == "spoke/1.2.3")
    }
    #expect(pipeline.second.requests().first?.headers["Authorization"] == "Bearer abc")
    await pipeline.stop()
  }

  @Test func `a dead hub does not keep another from its samples`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets         = [{ __address__ = "PAGE" }]
        forward_to      = [prometheus.remote_write.hub.receiver]
        scrape_interval = "100ms"
        scrape_timeout  = "100ms"
      }
      prometheus.remote_write "hub" {
        endpoint { url = "HUB" }
        endpoint { url = "SECOND" }
      }
      """)
    pipeline.hub.inject(.hang, count: 1000)
    try await pipeline.controller.start()
    await eventually("the living hub gets sample after sample") {
      pipeline.second.series(named: "up").first?.samples.count ?? 0 >= 5
    }
    #expect(pipeline.hub.snapshot().samples == 0)
    await pipeline.stop()
  }

  @Test func `a write without an endpoint is well and lets everything go`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets    = [{ __address__ = "PAGE" }]
        forward_to = [prometheus.remote_write.nowhere.receiver]
      }
      prometheus.remote_write "nowhere" { }
      """)
    try await pipeline.controller.start()
    await eventually("a scrape is handed on") { await pipeline.metric("prometheus_forwarded_samples_total") ?? 0 > 0 }
    #expect(await pipeline.controller.statuses.map(\.health) == [.healthy, .healthy])
    await pipeline.stop()
  }

  @Test func `the agent's own metrics can be scraped, by its exporter and by the path of its page`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.exporter.self "me" { }
      prometheus.scrape "me" {
        targets    = prometheus.exporter.self.me.targets
        forward_to = [prometheus.remote_write.hub.receiver]
      }
      prometheus.scrape "page" {
        targets    = [{ __address__ = "alloy.internal:12345" }]
        forward_to = [prometheus.remote_write.second.receiver]
      }
      prometheus.scrape "nothing" {
        targets    = [{ __address__ = "alloy.internal:12345", __metrics_path__ = "/api/v0/component/x/metrics" }]
        forward_to = [prometheus.remote_write.second.receiver]
        job_name   = "nothing"
      }
      prometheus.remote_write "hub" { endpoint { url = "HUB" } }
      prometheus.remote_write "second" { endpoint { url = "SECOND" } }
      """)
    try await pipeline.controller.start()
    let labels = await pipeline.labels("spoke_build_info")
    #expect(labels["version"] == "1.2.3")
    #expect(labels["job"] == "integrations/self")
    // Both writes report the same families; each series is there once.
    await eventually("both have begun") {
      let ids = pipeline.hub.series(named: "prometheus_remote_storage_samples_total").map { $0.labels["component_id"] }
      return ids.count == 2 && Set(ids) == ["prometheus.remote_write.hub", "prometheus.remote_write.second"]
    }
    #expect(await pipeline.labels("spoke_build_info", at: pipeline.second)["job"] == "prometheus.scrape.page")
    await eventually("the target that is not there is down") {
      pipeline.second.series(named: "up").first { $0.labels["job"] == "nothing" }?.samples.first?.value == 0
    }
    await pipeline.stop()
  }

  @Test func `exemplars are sent unless the endpoint does not want them`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets    = [{ __address__ = "PAGE" }]
        forward_to = [prometheus.remote_write.hub.receiver]
      }
      prometheus.remote_write "hub" {
        endpoint { url = "HUB" }
        endpoint {
          url            = "SECOND"
          send_exemplars = false
        }
      }
      """, page: "# TYPE x counter\nx_total 1 # {trace_id=\"abcdefghijklmnopqrstuvwxyz\"} 0.5\n# EOF\n")
    pipeline.shown.type.withLock { $0 = "application/openmetrics-text; version=1.0.0" }
    try await pipeline.controller.start()
    _ = await pipeline.labels("x_total")
    _ = await pipeline.labels("x_total", at: pipeline.second)
    let bytes = [pipeline.hub, pipeline.second].map { $0.requests().first?.bodyBytes ?? 0 }
    #expect(bytes[0] > bytes[1] + 26)
    await pipeline.stop()
  }

  @Test func `what waits for a hub survives a change of labels and credentials, and of all that is not the hub`()
    async throws
  {
    func configuration(_ more: String, _ inEndpoint: String) -> String {
      """
      prometheus.scrape "page" {
        targets    = [{ __address__ = "PAGE" }]
        forward_to = [prometheus.remote_write.hub.receiver]
      }
      prometheus.remote_write "hub" {
        \(more)
        endpoint {
          url = "HUB"
          \(inEndpoint)
        }
      }
      """
    }
    let pipeline = try await Pipeline(configuration("", ""))
    pipeline.hub.inject(.status(503), count: 1_000_000)
    try await pipeline.controller.start()
    await eventually("samples wait") { await pipeline.metric("spoke_queue_pending_items") ?? 0 > 0 }
    let queues = try listDirectory(pipeline.directory.path("state/prometheus.remote_write.hub"))
    try pipeline.write(configuration("external_labels = { a = \"b\" }", "bearer_token = \"x\""))
    try await pipeline.controller.reload()
    pipeline.hub.clearFaults()
    #expect(await pipeline.labels("up")["a"] == nil)
    #expect(try listDirectory(pipeline.directory.path("state/prometheus.remote_write.hub")) == queues)
    #expect(queues.count == 1)
    await pipeline.stop()
  }

  @Test func `the directory of a queue has the same name for ever`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.remote_write "hub" {
        endpoint { url = "http://hub.example:9090/api/v1/write" }
        endpoint {
          name = "second copy/1"
          url  = "http://user:password@hub.example:9090/api/v1/write"
        }
      }
      """)
    try await pipeline.controller.start()
    await eventually("the queues are open") {
      await pipeline.controller.statuses.allSatisfy { $0.health == .healthy }
    }
    // Users' samples lie in there: another name would lose them.
    #expect(
      try listDirectory(pipeline.directory.path("state/prometheus.remote_write.hub"))
        == ["hub.example-7de0a41c", "second_copy_1-9bf8d666"])
    await pipeline.stop()
  }

  @Test func `a certificate that cannot be read makes the component unhealthy, not the configuration invalid`()
    async throws
  {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "page" {
        targets    = [{ __address__ = "PAGE" }]
        forward_to = []
        tls_config { ca_file = "DIR/missing.pem" }
      }
      prometheus.remote_write "hub" {
        endpoint {
          url = "HUB"
          tls_config { ca_file = "DIR/missing.pem" }
        }
      }
      """)
    try await pipeline.controller.start()
    await eventually("both say so") {
      await pipeline.controller.statuses.allSatisfy {
        if case .unhealthy(let reason) = $0.health { reason.contains("missing.pem") } else { false }
      }
    }
    await pipeline.stop()
  }

  @Test func `no sample is lost or late while the write is replaced again and again`() async throws {
    func configuration(_ number: Int) -> String {
      """
      prometheus.scrape "page" {
        targets         = [{ __address__ = "PAGE" }]
        forward_to      = [prometheus.relabel.middle.receiver]
        scrape_interval = "20ms"
        scrape_timeout  = "20ms"
      }
      prometheus.relabel "middle" {
        forward_to     = [prometheus.remote_write.hub.receiver]
        max_cache_size = \(1000 + number / 2)
      }
      prometheus.remote_write "hub" {
        endpoint {
          url            = "HUB"
          remote_timeout = "\(10 + number)s"
        }
      }
      """
    }
    let pipeline = try await Pipeline(configuration(0))
    try await pipeline.controller.start()
    _ = await pipeline.labels("up_time")
    for number in 1...8 {
      try pipeline.write(configuration(number))
      try await pipeline.controller.reload()
      try await Task.sleep(for: .milliseconds(50))
    }
    await eventually("all that was handed on arrives") {
      await pipeline.metric("spoke_queue_pending_items") == 0
    }
    #expect(await pipeline.metric("spoke_scrape_undelivered_samples_total") == 0)
    #expect(await pipeline.metric("spoke_queue_dropped_items_total", ["reason": "queue_full"]) == 0)
    #expect(await pipeline.metric("spoke_queue_rejected_items_total") == 0)
    let handedOn = await pipeline.metric("prometheus_forwarded_samples_total") ?? 0
    let first = Int(handedOn)
    await eventually("the hub has as many as were handed on") { pipeline.hub.snapshot().samples >= first }
    await pipeline.stop()
  }

  @Test func `the page of metrics can be scraped`() async throws {
    let pipeline = try await Pipeline(
      """
      prometheus.scrape "status" {
        targets    = [{ __address__ = "STATUS" }]
        forward_to = [prometheus.remote_write.hub.receiver, prometheus.remote_write.second.receiver]
      }
      prometheus.remote_write "hub" { endpoint { url = "HUB" } }
      prometheus.remote_write "second" { endpoint { url = "SECOND" } }
      """)
    let metrics = SelfMetrics(version: "1.2.3")
    metrics.report(on: pipeline.controller)
    let server = StatusServer(controller: pipeline.controller, metrics: metrics)
    try await server.start(host: "127.0.0.1", port: 0, on: pipeline.network)
    try pipeline.write(
      String(decoding: try readFile(pipeline.directory.path("config.alloy")), as: UTF8.self)
        .replacing("STATUS", with: "127.0.0.1:\(server.port)"))
    try await pipeline.controller.start()
    #expect(await pipeline.labels("spoke_build_info")["version"] == "1.2.3")
    _ = await pipeline.labels("spoke_build_info", at: pipeline.second)
    #expect(pipeline.hub.series(named: "up").first?.samples.first?.value == 1)
    await pipeline.controller.stop()
    await server.stop()
    await pipeline.stop()
  }
}
