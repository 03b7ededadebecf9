// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import TestSupport
import Testing

/// `agent check` before hubs good and bad: what it prints and how it exits. The texts are in `Fixtures/check-*.txt`.
struct CheckCommandTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"))
  func `a Prometheus that takes remote write is well, and has nothing of it afterwards`() async throws {
    let prometheus = try await PrometheusServer.start()
    let outcome = try await check(prometheus.writeURL)
    #expect(outcome.status == 0)
    try expect(normalised(outcome.output), isFixture: "check-good.txt")
    #expect(try await prometheus.query(#"count({__name__=~".+"})"#) == [])
    #expect(fileKind(directory.path("state")) == nil)
    await prometheus.stop()
  }

  @Test(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed"))
  func `a Prometheus whose receiver is off is told which flag it lacks`() async throws {
    let prometheus = try await PrometheusServer.start(takesRemoteWrite: false)
    let outcome = try await check(prometheus.writeURL)
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-receiver-off.txt")
    await prometheus.stop()
  }

  @Test func `a port where nobody listens`() async throws {
    let outcome = try await check("http://127.0.0.1:\(freeFixedPort())/api/v1/write")
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-closed-port.txt")
  }

  @Test func `a hub that wants a password`() async throws {
    try await withServer(ServerResponse(status: 401, text: "Unauthorized\n")) { port in
      let outcome = try await check("http://127.0.0.1:\(port)/api/v1/write")
      #expect(outcome.status == 1)
      try expect(normalised(outcome.output), isFixture: "check-unauthorized.txt")
    }
  }

  @Test func `a web page where a hub should be`() async throws {
    let page = ServerResponse(headers: ["Content-Type": "text/html"], body: Array("<html>log in</html>".utf8))
    try await withServer(page) { port in
      let outcome = try await check("http://127.0.0.1:\(port)/api/v1/write")
      #expect(outcome.status == 1)
      try expect(normalised(outcome.output), isFixture: "check-web-page.txt")
    }
  }

  @Test func `a host name that means nothing`() async throws {
    let outcome = try await check("http://hub.invalid:9090/api/v1/write")
    #expect(outcome.status == 1)
    // Without a name server the resolver cannot say that there is no such name.
    let reasons = [
      "Temporary failure in name resolution", "Name or service not known", "No address associated with hostname",
    ]
    let text = reasons.reduce(normalised(outcome.output)) { $0.replacing($1, with: "REASON") }
    try expect(text, isFixture: "check-unknown-host.txt")
  }

  @Test func `TLS spoken to a hub that speaks none`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let outcome = try await check("https://127.0.0.1:\(hub.port)/api/v1/write")
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-tls.txt")
    #expect(hub.requests().isEmpty)
    await hub.stop()
  }

  @Test func `a hub that never answers is given up after the timeout`() async throws {
    try await withServer(.hang) { port in
      let outcome = try await check("http://127.0.0.1:\(port)/api/v1/write", flags: ["--timeout=1"])
      #expect(outcome.status == 1)
      try expect(normalised(outcome.output), isFixture: "check-timeout.txt")
    }
  }

  @Test func `every endpoint is asked, and one that fails is enough to fail`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let outcome = try await check(
      "http://127.0.0.1:\(hub.port)/api/v1/write", "http://127.0.0.1:\(freeFixedPort())/api/v1/write")
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-two-endpoints.txt")
    #expect(hub.snapshot().series == 0)
    await hub.stop()
  }

  @Test func `as JSON, a line is an object`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let outcome = try await check(
      "http://127.0.0.1:\(hub.port)/api/v1/write", "http://127.0.0.1:\(freeFixedPort())/api/v1/write",
      flags: ["--json"])
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-two-endpoints.json")
    let findings = outcome.output.split(separator: "\n").map { JSON(Array($0.utf8)) }
    #expect(
      findings.allSatisfy { Set($0?.object.keys.map(\.self) ?? []) == ["verdict", "subject", "message", "remedy"] })
    #expect(findings.compactMap { $0?["verdict"]?.string } == ["warning", "ok", "ok", "ok", "failed"])
    await hub.stop()
  }

  @Test(arguments: [false, true]) func `a file that cannot be read`(asJSON: Bool) async throws {
    let file = directory.path("nowhere.alloy")
    let outcome = try await AgentProcess.command(["check", file] + (asJSON ? ["--json"] : []))
    #expect(outcome.status == 2)
    #expect(outcome.errors == "")
    try expect(normalised(outcome.output), isFixture: "check-unreadable.\(asJSON ? "json" : "txt")")
  }

  @Test func `a state directory that cannot be`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let outcome = try await check(
      "http://127.0.0.1:\(hub.port)/api/v1/write", flags: ["--storage.path=/proc/nowhere/state"])
    #expect(outcome.status == 1)
    try expect(normalised(outcome.output), isFixture: "check-state.txt")
    await hub.stop()
  }

  @Test func `offline the configuration alone is looked at`() async throws {
    let outcome = try await check(
      "http://127.0.0.1:\(freeFixedPort())/api/v1/write", flags: ["--offline", "--storage.path=/proc/nowhere/state"])
    #expect(outcome.status == 0)
    let findings = outcome.output.split(separator: "\n").map { $0.dropFirst(6) }
    #expect(!findings.isEmpty && findings.allSatisfy { $0.hasPrefix("configuration  ") }, "\(outcome.output)")
    let wrong = try await check("ftp://hub", flags: ["--offline", "--json"])
    #expect(wrong.status == 1 && wrong.output.contains(#""verdict":"failed""#), "\(wrong.output)")
  }

  @Test func `hubs for logs: ready, not ready, and nobody there`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    try await withServer(ServerResponse(status: 503, text: "Ingester not ready: waiting for 15s after being ready\n")) {
      port in
      let urls = [hub.port, port, freeFixedPort()].map { "http://127.0.0.1:\($0)/loki/api/v1/push" }
      let endpoints = urls.map { "  endpoint {\n    url = \"\($0)\"\n  }\n" }.joined()
      let outcome = try await check(text: "loki.write \"hub\" {\n\(endpoints)}\n", flags: [])
      #expect(outcome.status == 1)
      try expect(normalised(outcome.output), isFixture: "check-loki.txt")
    }
    #expect(hub.streams().isEmpty)
    await hub.stop()
  }

  // MARK: Steps

  /// Checks this host's configuration with these hubs.
  private func check(_ urls: String..., flags: [String] = []) async throws -> AgentProcess.Outcome {
    let endpoints = urls.map { "  endpoint {\n    url = \"\($0)\"\n  }\n" }.joined()
    let text = """
      prometheus.exporter.unix "host" {
        set_collectors = ["cpu", "disk", "uname"]
      }

      prometheus.scrape "host" {
        targets    = prometheus.exporter.unix.host.targets
        forward_to = [prometheus.remote_write.hub.receiver]
      }

      prometheus.remote_write "hub" {
      \(endpoints)}

      """
    return try await check(text: text, flags: flags)
  }

  private func check(text: String, flags: [String]) async throws -> AgentProcess.Outcome {
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(text.utf8).span)
    let state = flags.contains { $0.hasPrefix("--storage.path") } ? [] : ["--storage.path=\(directory.path("state"))"]
    let outcome = try await AgentProcess.command(["check"] + state + flags + [file])
    #expect(outcome.errors == "")
    return outcome
  }

  private func withServer(_ response: ServerResponse, _ body: (Int) async throws -> Void) async throws {
    let server = try await HTTPServer.start(
      host: "127.0.0.1", port: 0, on: loopbackNetwork, limits: ServerLimits(stopTimeout: .zero)
    ) { _ in response }
    try await body(server.port)
    await server.stop()
  }

  /// What differs from run to run, by a name.
  private func normalised(_ text: String) -> String {
    text.replacing(directory.path, with: "DIR").replacing(/127\.0\.0\.1:[0-9]+/, with: "127.0.0.1:PORT")
      .replacing(/spoke-check-[0-9]+/, with: "spoke-check-PID")
  }
}
