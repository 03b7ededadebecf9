// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Hub
import Linux
import TestSupport
import Testing

/// How the process ends, and what the next one finds.
@Suite(.serialized) struct ShutdownTests {
  private let directory: TemporaryDirectory
  private let target: CountingTarget

  init() async throws {
    directory = try TemporaryDirectory()
    target = try await CountingTarget.start()
  }

  /// What waits in the queues of the state directory, as `agent queue show` tells.
  private func waitingBlocks() async throws -> Int {
    let shown = try await AgentProcess.command(["queue", "show", directory.path("state")])
    let counts = shown.output.split(separator: "\n").filter { $0.contains("  waiting ") }
      .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
    return try #require(counts.count == 1 ? counts[0] : nil, "\(shown.output)\(shown.errors)")
  }

  /// Waits until scrapes that succeeded are in the queues.
  private func waitForPending() async throws {
    try await eventually("samples wait in the queue") {
      let dump = try await AgentProcess.command(["queue", "dump", directory.path("state")])
      return dump.output.split(separator: "\n").count { $0.contains("test_scrapes_total") } > 2
    }
  }

  /// Signals the agent and expects it to end well in time.
  private func end(_ agent: AgentProcess, by signal: Int32, within limit: Duration = .seconds(10)) async {
    agent.signal(signal)
    #expect(await agent.process.waitForExit(within: limit) == 0, "\(agent.log)")
  }

  /// A second run delivers what the first left: every scrape once.
  private func expectDelivery(of configuration: String, to hub: EmbeddedHub) async throws {
    let waiting = try await waitingBlocks()
    #expect(waiting > 0)
    let agent = try await AgentProcess.run(configuration, in: directory)
    await eventually("what the first run left is delivered") { hub.scrapes().count >= waiting }
    await agent.stop()
    hub.expectEveryScrape(stops: 1)
    #expect(try await waitingBlocks() == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `what is pending is delivered before the end when the hub takes it`(_ signal: Int32) async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.status(503, retryAfter: "600"), count: 1000)
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    try await waitForPending()
    hub.clearFaults()
    await end(agent, by: signal)
    #expect(try await waitingBlocks() == 0)
    hub.expectEveryScrape()
    #expect(agent.log.contains("msg=stopped"))
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a hub that is down holds nothing up, and the next run delivers`(_ signal: Int32) async throws {
    let port = freeFixedPort()
    let hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    let configuration = hub.configuration(target)
    await hub.stop()
    let agent = try await AgentProcess.run(configuration, in: directory)
    try await waitForPending()
    await end(agent, by: signal)
    let back = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    try await expectDelivery(of: configuration, to: back)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a hub that hangs holds nothing up for long, and the next run delivers`(_ signal: Int32) async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.hang, count: 1000)
    let configuration = hub.configuration(target)
    let agent = try await AgentProcess.run(configuration, in: directory)
    try await waitForPending()
    await end(agent, by: signal)
    #expect(agent.log.contains("msg=stopped"), "it was not closed in order: \(agent.log)")
    hub.clearFaults()
    try await expectDelivery(of: configuration, to: hub)
  }

  @Test func `two hubs that hang are given up together, not one after the other`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.hang, count: 1000)
    let second = remoteWrite(port: hub.port).replacing("\"hub\"", with: "\"second\"")
    let configuration = hub.configuration(target, more: second)
      .replacing("[prometheus.remote_write.hub.receiver]", with: Self.both)
    let agent = try await AgentProcess.run(configuration, in: directory)
    try await waitForPending()
    await end(agent, by: SIGTERM)
    #expect(agent.log.contains("msg=stopped"), "it was not closed in order: \(agent.log)")
  }

  private static let both = "[prometheus.remote_write.hub.receiver, prometheus.remote_write.second.receiver]"

  @Test func `a second agent on the same state directory is refused, and after kill -9 there is none`() async throws {
    let first = try await AgentProcess.run("prometheus.exporter.self \"me\" { }", in: directory)
    let second = try AgentProcess.start("prometheus.exporter.self \"me\" { }", in: directory)
    #expect(await second.process.waitForExit() == 1)
    #expect(
      second.log == """
        Error: another agent is using the state directory \(directory.path("state"))
          stop that one, or give this one a directory of its own with --storage.path

        """)
    await first.killAtOnce()
    let third = try await AgentProcess.run("prometheus.exporter.self \"me\" { }", in: directory)
    await third.stop()
  }

  @Test func `a port in use is told at once`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    try replaceFile(directory.path("config.alloy"), with: Array("".utf8).span)
    let outcome = try await AgentProcess.command([
      "run", "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:\(hub.port)",
      directory.path("config.alloy"),
    ])
    #expect(outcome.status == 1)
    #expect(
      outcome.errors == """
        Error: listen 127.0.0.1:\(hub.port): Address already in use; another program has the port ("ss -ltnp" shows \
        which); stop it or choose another port
          the address is chosen with --server.http.listen-addr

        """)
  }

  // MARK: A component that cannot start

  /// The state of the component is a file, where it needs a directory.
  private func blockState() throws -> String {
    try makeDirectory(directory.path("state"))
    let path = directory.path("state/prometheus.remote_write.hub")
    try replaceFile(path, with: Array("in the way".utf8).span)
    return path
  }

  @Test func `with --strict a component that cannot start ends the agent`() async throws {
    let path = try blockState()
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let agent = try AgentProcess.start(hub.configuration(target), in: directory, flags: ["--strict"])
    #expect(await agent.process.waitForExit() == 1)
    let lines = agent.log.split(separator: "\n").filter { !$0.hasPrefix("ts=") }
    #expect(lines.count == 2)
    #expect(lines.first?.hasPrefix("Error: prometheus.remote_write.hub: mkdir \(path)") == true, "\(agent.log)")
    #expect(lines.first?.hasSuffix(": Not a directory") == true, "\(agent.log)")
    #expect(lines.last == "  without --strict the rest would run")
  }

  @Test func `without --strict the others run, health tells, and a corrected cause is enough`() async throws {
    let path = try blockState()
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    try await eventually("health tells") { try await agent.get("/-/healthy").status == 500 }
    let health = String(decoding: try await agent.get("/-/healthy").body, as: UTF8.self)
    let lines = health.split(separator: "\n")
    #expect(lines.first == "unhealthy components: prometheus.remote_write.hub")
    #expect(lines.last?.hasPrefix("prometheus.remote_write.hub: mkdir \(path)") == true, "\(health)")
    #expect(try await agent.get("/-/ready").status == 200)
    #expect(try await agent.metrics()["alloy_component_controller_running_components{health_type=\"unhealthy\"}"] == 1)
    #expect(try await agent.metrics()["alloy_component_controller_running_components{health_type=\"healthy\"}"] == 1)
    try removeFile(path)
    try await eventually("it is healthy again") { try await agent.get("/-/healthy").status == 200 }
    await eventually("it delivers") { !hub.scrapes().isEmpty }
    await agent.stop()
  }
}
