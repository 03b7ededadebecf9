// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// The agent on a journald that rotates, with a hub that goes away.
@Suite(.enabled(if: JournalHost.isPossible, JournalHost.needs)) struct JournalTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(_ journal: String, _ hub: String) -> String {
    """
    loki.source.journal "host" {
      path          = "\(journal)"
      forward_to    = [loki.write.hub.receiver]
      relabel_rules = loki.relabel.journal.rules
    }

    loki.relabel "journal" {
      forward_to = []
      rule {
        source_labels = ["__journal_number"]
        regex         = ".+"
        target_label  = "app"
        replacement   = "test"
      }
    }

    loki.write "hub" {
      endpoint {
        url        = "\(hub)"
        batch_wait = "20ms"
      }
    }

    """
  }

  private func numbers(_ hub: EmbeddedHub) -> [Int] {
    hub.streams().filter { $0.labels["app"] == "test" }.flatMap {
      $0.entries.compactMap { Int($0.text.prefix { $0 != " " }) }
    }
  }

  @Test func `each entry of a journal that rotates arrives once, through outages and kill -9`() async throws {
    let host = try await JournalHost(in: directory.path, settings: "SystemMaxFileSize=512K\nSystemMaxUse=64M")
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let configuration = configuration(host.directory, "http://127.0.0.1:\(hub.port)/loki/api/v1/push")
    let filler = String(repeating: "x", count: 500)
    for round in 0..<4 {
      let agent = try await AgentProcess.run(configuration, in: directory)
      if round % 2 == 1 { hub.inject(.status(503), count: 1000) }
      for number in round * 400..<round * 400 + 400 { try host.write("\(number) \(filler)", ["NUMBER": "\(number)"]) }
      host.rotate()
      // At a different moment each time: before, while and after the agent reads.
      try await Task.sleep(for: .milliseconds(round * 300))
      await agent.killAtOnce()
      hub.clearFaults()
    }
    let agent = try await AgentProcess.run(configuration, in: directory)
    await eventually("the last arrives") { numbers(hub).last == 1599 }
    // What the hub stored and could not confirm before a kill is sent again as it was, as a whole; Loki knows it by its
    // time and text.
    let entries = hub.streams().filter { $0.labels["app"] == "test" }.flatMap(\.entries)
    let distinct = Dictionary(entries.map { ("\($0.timestampNanoseconds) \($0.text)", $0) }) { first, _ in first }
      .values
    let inTime = distinct.sorted { $0.timestampNanoseconds < $1.timestampNanoseconds }
    #expect(inTime.map { Int($0.text.prefix { $0 != " " }) } == Array(0..<1600))
    let arrived = numbers(hub)
    #expect(zip(arrived, arrived.dropFirst()).filter { $1 != $0 + 1 }.count <= 4)
    let metrics = try await agent.metrics()
    #expect(metrics.sum("spoke_source_lost_total") == 0 && metrics.sum("spoke_source_gaps_total") == 0)
    await agent.stop()
    await hub.stop()
  }

  @Test(arguments: ["", "other"]) func `the journal of this host and of a namespace is read live`(
    namespace: String
  ) async throws {
    let host = try await JournalHost(in: directory.path, namespace: namespace)
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let configuration = configuration("", "http://127.0.0.1:\(hub.port)/loki/api/v1/push")
      .replacing("path          = \"\"", with: "namespace = \"\(namespace)\"")
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(configuration.utf8).span)
    try host.write("0 before", ["NUMBER": "0"])
    let agent = try ChildProcess([
      "/usr/bin/nsenter", "-t", "\(host.id)", "-m", AgentProcess.path, "run",
      "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0", file,
    ])
    for number in 1..<3 {
      await eventually("\(number - 1) arrives") { numbers(hub).last == number - 1 }
      if number == 1 { host.rotate() }
      try host.write("\(number) later", ["NUMBER": "\(number)"])
    }
    await eventually("the last arrives") { numbers(hub) == [0, 1, 2] }
    agent.signal(SIGTERM)
    #expect(await agent.waitForExit() == 0)
    await hub.stop()
  }

  @Test func `check says whether the journal can be read, and else which group can`() async throws {
    try fabricateJournal(directory.path("a.journal"), [FabricatedEntry("x", at: UInt64(wallClockNanoseconds() / 1000))])
    let file = directory.path("config.alloy")
    let configuration =
      "loki.source.journal \"j\" {\n  path = \"\(directory.path)\"\n  forward_to = [loki.echo.e.receiver]\n}\nloki.echo \"e\" { }\n"
    try replaceFile(file, with: Array(configuration.utf8).span, mode: 0o644)
    let allowed = try await AgentProcess.command(["check", file])
    #expect(
      allowed.output.contains(
        "user root can read the journal in \(directory.path); a first start would read 1 entries"), "\(allowed)")
    chmod(directory.path, 0o755)
    let refused = try ChildProcess(
      ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AgentProcess.path, "check", file])
    #expect(await refused.waitForExit() == 1)
    for text in [
      "user nobody may not read \(directory.path("a.journal"))", "usermod -aG systemd-journal nobody",
    ] {
      #expect(refused.output.contains(text), "\(text) in \(refused.output) \(refused.errors)")
    }
  }
}
