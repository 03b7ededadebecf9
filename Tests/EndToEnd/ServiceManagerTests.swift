// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// What systemd hears from the program, and what the journal gets of its log.
@Suite struct ServiceManagerTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func start(_ configuration: String, _ environment: [String: String]) throws -> AgentProcess {
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(configuration.utf8).span)
    return try AgentProcess(
      ["run", "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0", file],
      environment: environment)
  }

  private func journal(of host: JournalHost, _ arguments: String...) async throws -> String {
    let shown = try ChildProcess(["/usr/bin/journalctl", "-D", host.directory, "--no-pager"] + arguments)
    #expect(await shown.waitForExit() == 0, "\(shown.errors)")
    return shown.output
  }

  @Test(arguments: [false, true])
  func `systemd hears when the agent is ready, reloads and stops`(isAbstract: Bool) async throws {
    let socket = try NotifySocket(isAbstract ? "@spoke-test-\(directory.path)" : directory.path("notify"))
    let agent = try start("prometheus.exporter.self \"me\" { }", ["NOTIFY_SOCKET": socket.address])
    await eventually("it is ready and says how it is") {
      socket.messages.prefix(2) == ["READY=1", "STATUS=running; nothing waits"]
    }
    agent.signal(SIGHUP)
    await eventually("it has reloaded") { socket.messages.count == 4 }
    let reloading = socket.messages[2].split(separator: "\n")
    #expect(reloading.first == "RELOADING=1")
    let microseconds = try #require(reloading.last?.split(separator: "=").last.flatMap { Int64($0) })
    #expect(
      microseconds * 1000 <= monotonicNanoseconds() && microseconds * 1000 > monotonicNanoseconds() - 60_000_000_000)
    #expect(socket.messages[3] == "READY=1")
    await agent.stop()
    #expect(socket.messages.last == "STOPPING=1\nSTATUS=stopping")
    #expect(!socket.messages.contains("WATCHDOG=1"), "nobody asked for it")
  }

  @Test func `a configuration with mistakes is a reload that ends, too`() async throws {
    let socket = try NotifySocket(directory.path("notify"))
    let agent = try start("prometheus.exporter.self \"me\" { }", ["NOTIFY_SOCKET": socket.address])
    try await agent.waitForLine("msg=running")
    try replaceFile(directory.path("config.alloy"), with: Array("nonsense".utf8).span)
    agent.signal(SIGHUP)
    try await agent.waitForLine("the new configuration has mistakes")
    await eventually("systemd waits no longer") {
      let heard = socket.messages.filter { !$0.hasPrefix("STATUS=") }
      return heard.count == 3 && heard[1].hasPrefix("RELOADING=1\n") && heard[2] == "READY=1"
    }
    await agent.stop()
  }

  @Test func `a hub that hangs is told in the status, and the watchdog is fed all the while`() async throws {
    let socket = try NotifySocket(directory.path("notify"))
    let target = try await CountingTarget.start()
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    hub.inject(.hang, count: 1000)
    let agent = try start(
      hub.configuration(target), ["NOTIFY_SOCKET": socket.address, "WATCHDOG_USEC": "4000000"])
    await eventually("the status tells that samples wait, and the watchdog is fed") {
      let heard = socket.messages
      let status = heard.last { $0.hasPrefix("STATUS=") } ?? ""
      return status.contains(" items wait (") && status.hasSuffix(" behind") && heard.count { $0 == "WATCHDOG=1" } > 3
    }
    hub.clearFaults()
    await agent.stop()
    await hub.stop()
  }

  @Test(.enabled(if: JournalHost.isPossible, JournalHost.needs))
  func `under systemd the log is entries with priority and fields, and what is shipped causes no more of them`()
    async throws
  {
    let host = try await JournalHost(in: directory.path)
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let configuration = """
      loki.source.journal "host" { forward_to = [loki.echo.shown.receiver, loki.write.hub.receiver] }
      loki.echo "shown" { }
      loki.write "hub" {
        endpoint {
          url        = "http://127.0.0.1:\(hub.port)/loki/api/v1/push"
          batch_wait = "10ms"
        }
      }
      prometheus.scrape "nobody" {
        targets         = [{ __address__ = "127.0.0.1:1" }]
        forward_to      = []
        scrape_interval = "100ms"
        scrape_timeout  = "100ms"
      }
      """
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(configuration.utf8).span)
    let agent = try ChildProcess([
      "/usr/bin/nsenter", "-t", "\(host.id)", "-m", "systemd-cat", "sh", "-c",
      "export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2); exec \"$0\" \"$@\"", AgentProcess.path, "run",
      "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0", file,
    ])
    func lines() -> [String] { hub.streams().flatMap(\.entries).map(\.text) }
    for number in 0..<5 {
      try host.write("outside \(number)")
      await eventually("\(number) arrives") { lines().contains("outside \(number)") }
    }
    await eventually("what it says of itself arrives") {
      lines().contains { $0.contains("msg=running") }
        && lines().contains { $0.contains("component_id=prometheus.scrape.nobody") }
    }
    agent.signal(SIGTERM)
    #expect(await agent.waitForExit() == 0)
    #expect(!lines().contains { $0.contains("component_id=loki.") })
    let shown = try await journal(of: host, "-o", "json")
    let entries = shown.split(separator: "\n").filter { $0.contains("\"SYSLOG_IDENTIFIER\":\"agent\"") }
    #expect(entries.contains { $0.contains("msg=running") && $0.contains("\"PRIORITY\":\"6\"") })
    #expect(
      entries.contains {
        $0.contains("scrape failed") && $0.contains("\"PRIORITY\":\"4\"")
          && $0.contains("\"SPOKE_COMPONENT_ID\":\"prometheus.scrape.nobody\"")
      })
    #expect(
      entries.count { $0.contains("\"SPOKE_COMPONENT_ID\":\"loki.echo.shown\"") } <= lines().count + 5,
      "each line is shown once")
    await hub.stop()
  }

  @Test(.enabled(if: JournalHost.isPossible, JournalHost.needs))
  func `under systemd a mistake in the configuration is an error in the journal, every line of it`() async throws {
    let host = try await JournalHost(in: directory.path)
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array("nonsense \"x\" { }\n".utf8).span)
    let agent = try ChildProcess([
      "/usr/bin/nsenter", "-t", "\(host.id)", "-m", "systemd-cat", "sh", "-c",
      "export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2); exec \"$0\" \"$@\"", AgentProcess.path, "run",
      "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0", file,
    ])
    #expect(await agent.waitForExit() == 1)
    try await eventually("the diagnostic is there") {
      let shown = try await journal(of: host, "-p", "err", "-o", "cat")
      return shown.contains("nonsense") && shown.contains("Error: could not perform the initial load successfully")
    }
  }
}
