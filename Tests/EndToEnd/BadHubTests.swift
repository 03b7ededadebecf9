// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import TestSupport
import Testing

/// Hubs that do not answer as they should: what the running agent says, and what becomes of the data.
@Suite(.serialized) struct BadHubTests {
  private static let password = "correct-horse-battery"
  private static let credentials = """
    queue_config {
      max_backoff = "1s"
    }

    basic_auth {
      username = "spoke"
      password = "\(password)"
    }
    """

  private let directory: TemporaryDirectory
  private let target: CountingTarget

  init() async throws {
    directory = try TemporaryDirectory()
    target = try await CountingTarget.start()
  }

  /// The fields of a log line that matter: without its time, its component, and the port of the hub.
  private func shown(_ line: String, port: Int) -> String {
    line.replacing(":\(port)", with: ":PORT").split(separator: " ").dropFirst().filter {
      !$0.hasPrefix("component_")
    }.joined(separator: " ")
  }

  /// Everything this agent has said anywhere, in which no secret may be.
  private func expectNoSecret(_ agent: AgentProcess) async throws {
    let pages = [try await agent.get("/metrics"), try await agent.get("/-/healthy")]
      .map { String(decoding: $0.body, as: UTF8.self) }
    for text in pages + [agent.log, agent.process.output] {
      #expect(!text.contains(Self.password))
      #expect(!text.contains("c3Bva2U6"), "the credentials as they are sent")
    }
  }

  private func held(_ status: Int, remedy: String) async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.status(status, body: "no \(status) today"), count: 1000)
    let agent = try await AgentProcess.run(hub.configuration(target, endpoint: Self.credentials), in: directory)
    let line = try await agent.waitForLine("the endpoint is wrong")
    #expect(
      shown(line, port: hub.port)
        == "level=error msg=\"the endpoint is wrong; data waits in the queue until it is corrected\" "
        + "url=http://127.0.0.1:PORT/api/v1/write status=\(status) err=\"\(status): no \(status) today\" "
        + "remedy=\"\(remedy)\"")
    let health = try await agent.get("/-/healthy")
    #expect(health.status == 500)
    #expect(
      String(decoding: health.body, as: UTF8.self).replacing(":\(hub.port)", with: ":PORT") == """
        unhealthy components: prometheus.remote_write.hub
        prometheus.remote_write.hub: http://127.0.0.1:PORT/api/v1/write answered \(status): no \(status) today; \(remedy)

        """)
    try await eventually("the data waits") { try await agent.metrics().sum("spoke_queue_pending_items") > 20 }
    let metrics = try await agent.metrics()
    #expect(metrics.sum("spoke_endpoint_up") == 0)
    #expect(metrics.sum("spoke_queue_rejected_items_total") == 0)
    #expect(metrics.sum("spoke_queue_dropped_items_total") == 0)
    #expect(hub.requests().count == 1, "a wrong endpoint is not asked again and again")
    try await expectNoSecret(agent)
    // Corrected: a reload does not wait for the next probe, and everything comes.
    hub.clearFaults()
    let changed = hub.configuration(target, endpoint: Self.credentials + "\nremote_timeout = \"20s\"")
    try replaceFile(directory.path("config.alloy"), with: Array(changed.utf8).span)
    agent.signal(hangUpSignal)
    await eventually("what waited is delivered") { hub.scrapes().count > 10 }
    try await eventually("it is healthy again") { try await agent.get("/-/healthy").status == 200 }
    await agent.stop()
    hub.expectEveryScrape()
  }

  @Test func `404 is told with the flag the hub lacks, and everything waits`() async throws {
    try await held(
      404,
      remedy:
        "start Prometheus with --web.enable-remote-write-receiver, or correct the path of the url (usually /api/v1/write)"
    )
  }

  @Test func `401 is told with what to check, and everything waits`() async throws {
    try await held(
      401,
      remedy: "check the endpoint's credentials (basic_auth, authorization, bearer_token_file) and what they permit")
  }

  @Test func `413 halves the request until the hub takes it`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.status(503, retryAfter: "1"), count: 1)
    hub.inject(.status(413, body: "too much"), count: 2)
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    await eventually("it is delivered in the end") { hub.scrapes().count > 20 }
    let metrics = try await agent.metrics()
    #expect(metrics.sum("spoke_queue_rejected_items_total") == 0)
    #expect(try await agent.get("/-/healthy").status == 200)
    await agent.stop()
    hub.expectEveryScrape()
    #expect(hub.duplicates == 0)
  }

  @Test func `413 and 400 for what stands alone are told, counted, and the rest goes on`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.status(400, body: "label name \"a b\" is invalid\nts=1970 level=error msg=forged"), count: 11)
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    let line = try await agent.waitForLine("the hub refused data for good")
    #expect(
      shown(line, port: hub.port)
        == "level=error msg=\"the hub refused data for good; the rest was delivered\" "
        + "url=http://127.0.0.1:PORT/api/v1/write reason=invalid samples=1 "
        + "err=\"400: label name \\\"a b\\\" is invalid ts=1970 level=error msg=forged\"")
    await eventually("the rest goes on") { hub.scrapes().count > 10 }
    let metrics = try await agent.metrics()
    let rejected = metrics.sum("spoke_queue_rejected_items_total")
    #expect(rejected > 0 && rejected <= 11)
    #expect(metrics.sum("prometheus_remote_storage_samples_failed_total") == rejected)
    #expect(try await agent.get("/-/healthy").status == 200)
    await agent.stop()
    #expect(hub.duplicates == 0)
  }

  /// A hub from which no answer can be understood: said once, tried again, nothing lost.
  private func away(_ answer: String, reason: String) async throws {
    let raw = try RawHub(answering: answer)
    let configuration = """
      prometheus.scrape "count" {
        targets         = [{"__address__" = "\(target.address)", "job" = "count"}]
        forward_to      = [prometheus.remote_write.hub.receiver]
        scrape_interval = "100ms"
        scrape_timeout  = "100ms"
      }

      \(remoteWrite(port: raw.port, Self.credentials))
      """
    let agent = try await AgentProcess.run(configuration, in: directory)
    let line = try await agent.waitForLine("the hub takes nothing at present")
    #expect(
      shown(line, port: raw.port)
        == "level=warn msg=\"the hub takes nothing at present; data waits in the queue\" "
        + "url=http://127.0.0.1:PORT/api/v1/write err=\"\(reason)\"")
    await eventually("it is tried again") { raw.connections >= 3 }
    try await eventually("data waits") { try await agent.metrics().sum("spoke_queue_pending_items") > 20 }
    #expect(try await agent.metrics().sum("spoke_endpoint_up") == 0)
    #expect(try await agent.get("/-/healthy").status == 200, "an absent hub is no reason to restart the agent")
    try await expectNoSecret(agent)
    await agent.stop()
    #expect(agent.log.split(separator: "\n").count { $0.contains("the hub takes nothing") } == 1)
  }

  @Test func `a hub that closes without a word is tried again`() async throws {
    try await away("", reason: "response from 127.0.0.1:PORT: connection closed before any of it came")
  }

  @Test func `a hub that answers garbage is tried again`() async throws {
    try await away(
      "SSH-2.0-OpenSSH_9.2\r\n", reason: "response from 127.0.0.1:PORT: not HTTP (invalid constant string)")
  }

  @Test func `a hub that never answers is given up in time and tried again`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.hang, count: 1)
    let agent = try await AgentProcess.run(
      hub.configuration(target, endpoint: "remote_timeout = \"1s\""), in: directory)
    let line = try await agent.waitForLine("the hub takes nothing at present")
    #expect(
      shown(line, port: hub.port)
        == "level=warn msg=\"the hub takes nothing at present; data waits in the queue\" "
        + "url=http://127.0.0.1:PORT/api/v1/write err=\"response from 127.0.0.1:PORT: timed out\"")
    try await agent.waitForLine("the hub takes data again")
    await eventually("it is delivered") { hub.scrapes().count > 10 }
    await agent.stop()
    hub.expectEveryScrape()
  }

  @Test func `a login page is no hub: everything waits`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.webPage, count: 1000)
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    let line = try await agent.waitForLine("the endpoint is wrong")
    #expect(line.contains("remedy=\"a web page answered, perhaps of a login or a proxy;"))
    try await eventually("data waits") { try await agent.metrics().sum("spoke_queue_pending_items") > 20 }
    await agent.stop()
    #expect(hub.scrapes().isEmpty)
  }
}
