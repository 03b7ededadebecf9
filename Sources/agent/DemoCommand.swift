// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import HTTP
import Hub
import Linux
import Runtime
import Status
import Syntax
import Telemetry

/// `agent demo`: the agent as it runs anywhere, and a hub beside it in the same process.
struct DemoCommand {
  private let seconds: Int?
  private let interval: String

  init(_ invocation: Invocation) {
    seconds = invocation.value("seconds").flatMap { Int($0) }
    interval = invocation.value("interval") ?? "1s"
  }

  func perform() async -> Int32 {
    guard let pause = try? parseDuration(interval), pause > .zero else {
      printError("Error: --interval needs a time greater than 0, not \"\(interval)\"\n  for example --interval=5s")
      return 2
    }
    guard let signals = catchSignals() else { return 1 }
    let network = Network()
    do {
      let storage = try makeStorage()
      defer { try? removeTree(storage) }
      let hub = try await EmbeddedHub.start(on: network)
      let configuration = "\(storage)/demo.alloy"
      try replaceFile(configuration, with: Array(demoConfiguration(port: hub.port, interval: interval).utf8).span)
      let agent = Agent(
        Agent.Options(
          configuration: ConfigurationSource(path: configuration), storagePath: storage, scrapeAtOnce: true),
        network: network, log: Log(to: DemoLog.sink))
      try await agent.controller.start()
      await show(DemoView(hub: hub, agent: agent, storage: storage), until: signals)
      await agent.controller.stop()
      await hub.stop()
      return 0
    } catch {
      printError("Error: \(error)")
      return 1
    }
  }

  private func makeStorage() throws -> String {
    let base = environmentVariable("TMPDIR") ?? "/tmp"
    let path = "\(base)/spoke-demo-\(getpid())"
    try makeDirectory(path, mode: 0o700)
    return path
  }

  /// Draws until a signal comes or the time is over.
  private func show(_ view: DemoView, until signals: AsyncStream<Int32>) async {
    view.begin()
    let drawing = Task {
      var left = seconds ?? .max
      while left > 0, !Task.isCancelled {
        try? await Task.sleep(for: .seconds(1))
        await view.draw()
        left -= 1
      }
    }
    let waiting = Task {
      for await _ in signals { break }
      drawing.cancel()
    }
    await drawing.value
    waiting.cancel()
    view.end()
  }
}

/// The configuration the demo runs, as a user would write it.
func demoConfiguration(port: Int, interval: String) -> String {
  """
  prometheus.exporter.unix "host" { }

  prometheus.scrape "host" {
    targets         = prometheus.exporter.unix.host.targets
    forward_to      = [prometheus.remote_write.hub.receiver]
    scrape_interval = "\(interval)"
    scrape_timeout  = "\(interval)"
  }

  prometheus.remote_write "hub" {
    external_labels = { cluster = "demo", host = constants.hostname }

    endpoint {
      url = "http://127.0.0.1:\(port)/api/v1/write"
    }
  }

  loki.source.journal "host" {
    max_age    = "1h"
    labels     = { job = "systemd-journal" }
    forward_to = [loki.write.hub.receiver]
  }

  local.file_match "logs" {
    path_targets      = [{ __path__ = "/var/log/**/*.log" }]
    ignore_older_than = "24h"
  }

  loki.source.file "logs" {
    targets    = local.file_match.logs.targets
    forward_to = [loki.write.hub.receiver]
  }

  loki.write "hub" {
    external_labels = { cluster = "demo", host = constants.hostname }

    endpoint {
      url = "http://127.0.0.1:\(port)/loki/api/v1/push"
    }
  }

  """
}
