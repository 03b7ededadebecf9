// SPDX-License-Identifier: Apache-2.0

import Components
import HTTP
import Hub
import Linux
import Runtime
import Status
import Synchronization
import Telemetry
import TestSupport
import Testing

/// An agent in this process without its own HTTP server, with hubs to send to and pages to scrape.
final class Pipeline {
  let network = Network()
  let directory: TemporaryDirectory
  let hub: EmbeddedHub
  let second: EmbeddedHub
  let controller: Controller
  let pages: HTTPServer
  /// Where `test.logs` blocks lead.
  let doors = LogDoors()
  /// What was logged.
  let logged = Logged()

  /// `text` may name `HUB`, `SECOND`, `LOKI`, `OTHER` (addresses of the two hubs, for metrics and for logs), `PAGE` (of a page to scrape) and `DIR`.
  init(_ text: String, page: String = "up_time 1\n", queueBytes: Int64 = 512 << 20) async throws {
    directory = try TemporaryDirectory()
    hub = try await EmbeddedHub.start(on: network)
    second = try await EmbeddedHub.start(on: network)
    let shown = Shown(page)
    self.shown = shown
    pages = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { _ in
      ServerResponse(
        headers: ["Content-Type": shown.type.withLock { $0 }], body: Array(shown.text.withLock { $0 }.utf8))
    }
    let metrics = SelfMetrics(version: "1.2.3")
    let services = Services(
      network: network, version: "1.2.3", localTargets: LocalTargets(), selfMetrics: metrics, scrapeAtOnce: true,
      queueBytes: queueBytes)
    controller = Controller(
      ConfigurationSource(path: directory.path("config.alloy")),
      kinds: Components.all(services) + [LogDoor.kind(doors)],
      options: .init(storagePath: directory.path("state")), log: Log(to: logged.sink),
      applySettings: { _ in })
    metrics.report(on: controller)
    try write(text)
  }

  final class Logged: Sendable {
    let sink = LogSink(descriptor: -1)
    private let all = Mutex<[String]>([])
    var lines: [String] { all.withLock { $0 } }
    init() { sink.listen { [weak self] line in self?.all.withLock { $0.append(line.text) } } }
  }

  final class Shown: Sendable {
    let text: Mutex<String>
    let type = Mutex("text/plain; version=0.0.4")
    init(_ text: String) { self.text = Mutex(text) }
  }
  let shown: Shown

  func write(_ text: String) throws {
    let text =
      text.replacing("HUB", with: "http://127.0.0.1:\(hub.port)/api/v1/write")
      .replacing("SECOND", with: "http://127.0.0.1:\(second.port)/api/v1/write")
      .replacing("LOKI", with: "http://127.0.0.1:\(hub.port)/loki/api/v1/push")
      .replacing("OTHER", with: "http://127.0.0.1:\(second.port)/loki/api/v1/push")
      .replacing("PAGE", with: "127.0.0.1:\(pages.port)").replacing("DIR", with: directory.path)
    try replaceFile(directory.path("config.alloy"), with: Array(text.utf8).span)
  }

  func stop() async {
    await controller.stop()
    await pages.stop()
    await hub.stop()
    await second.stop()
    await network.shutdown()
  }

  /// The labels of the first series called `name` that a hub gets.
  func labels(_ name: String, at hub: EmbeddedHub? = nil, sourceLocation: SourceLocation = #_sourceLocation) async
    -> [String: String]
  {
    await eventually("\(name) arrives", sourceLocation: sourceLocation) {
      !(hub ?? self.hub).series(named: name).isEmpty
    }
    let labels = (hub ?? self.hub).series(named: name).first?.labels.labels ?? []
    return Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0.value) })
  }

  /// The value of the agent's own metric `name` whose labels include `labels`.
  func metric(_ name: String, _ labels: [String: String] = [:]) async -> Double? {
    let batch = await controller.collectMetrics(into: SeriesBatch())
    return batch.rows.indices.first { row in
      let set = batch.labels(at: row)
      return set["__name__"] == name && labels.allSatisfy { set[$0.key] == $0.value }
    }.map { Double(bitPattern: batch.rows[$0].valueBits) }
  }
}
