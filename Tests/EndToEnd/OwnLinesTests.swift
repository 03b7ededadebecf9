// SPDX-License-Identifier: Apache-2.0

import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// `logging.write_to`: the agent's own lines, shipped.
@Suite(.serialized) struct OwnLinesTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(_ hub: EmbeddedHub, writeTo: String) -> String {
    """
    logging {
      write_to = [\(writeTo)]
    }

    loki.relabel "own" {
      forward_to = [loki.write.hub.receiver]

      rule {
        target_label = "host"
        replacement  = "vm-1"
      }
    }

    loki.write "hub" {
      endpoint {
        url        = "http://127.0.0.1:\(hub.port)/loki/api/v1/push"
        batch_wait = "50ms"
      }
    }

    """
  }

  private func write(_ configuration: String) throws {
    try replaceFile(directory.path("config.alloy"), with: Array(configuration.utf8).span)
  }

  private func lines(_ hub: EmbeddedHub, _ labels: [String: String]) -> [String] {
    hub.streams().filter { $0.labels == LabelSet(labels) }.flatMap { $0.entries.map(\.text) }
  }

  @Test func `what the agent logs arrives, with the labels given on the way, until it is not asked for any more`()
    async throws
  {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    let agent = try await AgentProcess.run(configuration(hub, writeTo: "loki.relabel.own.receiver"), in: directory)
    let own = ["component": "alloy", "host": "vm-1"]
    await eventually("its start is told") { lines(hub, own).contains { $0.contains("msg=running") } }
    try write(configuration(hub, writeTo: "loki.write.hub.receiver"))
    agent.signal(1)
    await eventually("the other way is taken") {
      lines(hub, ["component": "alloy"]).contains { $0.contains("msg=reloaded") }
    }
    #expect(agent.log.contains("msg=reloaded"), "standard error has it, too")
    let before = lines(hub, own).count
    try write(configuration(hub, writeTo: ""))
    agent.signal(1)
    try await agent.waitForLine("msg=reloaded")
    await agent.stop()
    #expect(lines(hub, own).count == before)
    await hub.stop()
  }
}
