// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// `agent health`, as a container's health check runs it.
@Suite struct HealthCommandTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func health(_ agent: AgentProcess, _ flags: String...) async throws -> AgentProcess.Outcome {
    let address = "--server.http.listen-addr=127.0.0.1:\(try await agent.port())"
    return try await AgentProcess.command(["health", address] + flags)
  }

  @Test func `a running agent is ready, also without its hub, and one that hangs or is gone is not`() async throws {
    let agent = try await AgentProcess.run(
      """
      prometheus.exporter.self "agent" { }

      prometheus.scrape "agent" {
        targets         = prometheus.exporter.self.agent.targets
        forward_to      = [prometheus.remote_write.hub.receiver]
        scrape_interval = "100ms"
        scrape_timeout  = "100ms"
      }

      prometheus.remote_write "hub" {
        endpoint {
          url = "http://127.0.0.1:1/api/v1/write"
        }
      }
      """, in: directory)
    try await eventually("it has tried the hub") {
      try await agent.metrics().sum("prometheus_remote_storage_samples_pending") > 0
    }
    let ready = try await health(agent)
    #expect(ready.status == 0 && ready.output == "Spoke is ready.\n" && ready.errors == "", "\(ready)")

    agent.signal(SIGSTOP)
    let hanging = try await health(agent, "--timeout=1")
    #expect(hanging.status == 1 && hanging.output == "")
    #expect(hanging.errors.hasPrefix("Error: the agent does not answer: response from 127.0.0.1:"), "\(hanging)")
    #expect(hanging.errors.contains(": timed out\n"))
    agent.signal(SIGCONT)
    try await eventually("it answers again") { try await health(agent).status == 0 }

    await agent.stop()
    let gone = try await health(agent)
    #expect(gone.status == 1 && gone.errors.contains("Connection refused"), "\(gone)")
  }

  @Test func `an answer that is not "ready" is told`() async throws {
    let answers = [
      (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 28\r\n\r\nno answer from: loki.write.x\n",
        "answers 503: no answer from: loki.write.x"
      ),
      (
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "wants a password for /-/ready\n  leave that path out"
      ),
      ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answers 302: "),
      ("\u{15}\u{3}\u{3}", "it is asked over plain HTTP"),
    ]
    for (answer, told) in answers {
      let server = try RawHub(answering: answer)
      let outcome = try await AgentProcess.command(["health", "--server.http.listen-addr=127.0.0.1:\(server.port)"])
      #expect(outcome.status == 1 && outcome.output == "" && outcome.errors.contains(told), "\(outcome)")
    }
  }
}
