// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// Lines that are written while the hub is away and the agent is killed.
@Suite(.enabled(if: JournalHost.isPossible, JournalHost.needs)) struct LogOutageTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(_ port: Int) -> String {
    """
    loki.source.file "app" {
      targets    = [{ __path__ = "\(directory.path("app.log"))", app = "file" }]
      forward_to = [loki.process.app.receiver]
    }

    loki.process "app" {
      forward_to = [loki.write.hub.receiver]

      stage.regex {
        expression = "^(?P<number>[0-9]+) (?P<parity>[a-z]+)"
      }

      stage.labels {
        values = { parity = "" }
      }
    }

    loki.source.journal "host" {
      path       = "\(directory.path("journal"))"
      labels     = { app = "journal" }
      forward_to = [loki.write.hub.receiver]
    }

    loki.write "hub" {
      endpoint {
        url                = "http://127.0.0.1:\(port)/loki/api/v1/push"
        max_backoff_period = "500ms"
      }
    }

    """
  }

  private func numbers(_ hub: EmbeddedHub, _ labels: [String: String]) -> [Int] {
    hub.streams().filter { stream in labels.allSatisfy { stream.labels[$0.key] == $0.value } }
      .flatMap { $0.entries.compactMap { Int($0.text.prefix { $0 != " " }) } }
  }

  @Test func `ten thousand lines and three kills without a hub, then each line is there once and in order`()
    async throws
  {
    let host = try await JournalHost(in: directory.path, settings: "SystemMaxFileSize=4M\nSystemMaxUse=64M")
    let port = freeFixedPort()
    let configuration = configuration(port)
    var written = 0
    for _ in 0..<4 {
      let agent = try await AgentProcess.run(configuration, in: directory)
      for _ in 0..<5 {
        var text = ""
        for number in written..<written + 500 {
          text += "\(number) \(number % 2 == 0 ? "even" : "odd") \(String(repeating: "x", count: number % 97))\n"
          if number % 5 == 0 { try host.write("\(number) entry") }
        }
        try append(text, to: directory.path("app.log"))
        written += 500
        try await Task.sleep(for: .milliseconds(150))
      }
      await agent.killAtOnce()
    }
    let hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    let agent = try await AgentProcess.run(configuration, in: directory)
    await eventually("all lines are there") {
      numbers(hub, ["app": "file"]).count >= written && numbers(hub, ["app": "journal"]).count >= written / 5
    }
    #expect(numbers(hub, ["parity": "even"]) == Array(stride(from: 0, to: written, by: 2)))
    #expect(numbers(hub, ["parity": "odd"]) == Array(stride(from: 1, to: written, by: 2)))
    #expect(numbers(hub, ["app": "journal"]) == Array(stride(from: 0, to: written, by: 5)))
    #expect(hub.snapshot().duplicateLines == 0)
    await agent.stop()
    await hub.stop()
  }
}
