// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Runtime
import Synchronization
import Telemetry

/// The demo's picture: drawn over itself in a terminal, a plain line each time elsewhere.
struct DemoView {
  let hub: EmbeddedHub
  let agent: Agent
  let storage: String

  private let isTerminal = isatty(STDOUT_FILENO) == 1

  init(hub: EmbeddedHub, agent: Agent, storage: String) {
    self.hub = hub
    self.agent = agent
    self.storage = storage
  }

  func begin() {
    print(
      """
      Spoke demo: this host's metrics and logs, through queues in \(storage), to a hub in this process
      at http://127.0.0.1:\(hub.port). The hub is for trying out and forgets everything. Ctrl-C ends it.

      """)
    fflush(nil)
  }

  func draw() async {
    let snapshot = hub.snapshot()
    let pending = await queueDepth()
    let error = await lastError()
    if isTerminal {
      drawTable(snapshot, pending: pending, error: error)
    } else {
      print(
        "series=\(snapshot.series) samples=\(snapshot.samples) samples_per_second=\(oneDecimal(snapshot.samplesPerSecond))"
          + " streams=\(snapshot.streams) lines=\(snapshot.lines) lines_per_second=\(oneDecimal(snapshot.linesPerSecond)) queue_depth=\(pending)"
          + " duplicates=\(snapshot.duplicateSamples + snapshot.duplicateLines) last_error=\(jsonString(error))")
    }
    fflush(nil)
  }

  func end() {
    let snapshot = hub.snapshot()
    print(
      "\nThe hub took \(snapshot.samples) samples of \(snapshot.series) series, \(snapshot.duplicateSamples) twice,"
        + " and \(snapshot.lines) lines of \(snapshot.streams) streams, \(snapshot.duplicateLines) twice.")
    print("Next: write a configuration, try it with \"agent check FILE\", run it with \"agent run FILE\".")
  }

  // MARK: The table

  private func drawTable(_ snapshot: HubSnapshot, pending: Int, error: String) {
    let rows = counts(snapshot, pending: pending, error: error) + [("", "")] + readings()
    let first = !drawn.swapTrue()
    if !first { print("\u{1b}[\(rows.count)A", terminator: "") }
    for (name, value) in rows {
      let padding = String(repeating: " ", count: max(0, 14 - name.count))
      print("\u{1b}[2K  \(name)\(padding)\(value.prefix(100))")
    }
  }

  private let drawn = Once()

  private func counts(_ snapshot: HubSnapshot, pending: Int, error: String) -> [(name: String, value: String)] {
    [
      ("series", "\(snapshot.series)"),
      ("samples", "\(snapshot.samples)"),
      ("samples/s", oneDecimal(snapshot.samplesPerSecond)),
      ("streams", "\(snapshot.streams)"),
      ("lines", "\(snapshot.lines)"),
      ("lines/s", oneDecimal(snapshot.linesPerSecond)),
      ("queue depth", "\(pending) samples and lines"),
      ("duplicates", "\(snapshot.duplicateSamples + snapshot.duplicateLines)"),
      ("last error", error.isEmpty ? "none" : error),
    ]
  }

  private func readings() -> [(name: String, value: String)] {
    func mebibytes(_ name: String) -> String { newest(name).map { "\(Int($0) >> 20) MiB" } ?? "-" }
    return [
      ("load", newest("node_load1").map(oneDecimal) ?? "-"),
      ("memory free", mebibytes("node_memory_MemAvailable_bytes")),
      ("received", mebibytes("node_network_receive_bytes_total")),
      ("last line", newestLine()),
    ]
  }

  /// The newest line of all streams, without what could move a terminal's cursor.
  private func newestLine() -> String {
    let newest = hub.newestLine()
    guard let newest else { return "-" }
    return String(
      String(decoding: newest.prefix(400), as: UTF8.self).unicodeScalars.map { scalar in
        scalar.properties.generalCategory == .control ? " " : Character(scalar)
      })
  }

  /// The newest values of all series called `name`, summed up.
  private func newest(_ name: String) -> Double? {
    let values = hub.series(named: name).compactMap { $0.samples.last?.value }
    return values.isEmpty ? nil : values.reduce(0, +)
  }

  // MARK: What the agent says

  private func queueDepth() async -> Int {
    let batch = await agent.controller.collectMetrics(into: SeriesBatch())
    var depth = 0.0
    for family in batch.families where batch.texts[family.name].elementsEqual("spoke_queue_pending_items".utf8) {
      for row in batch.rows[family.rows] { depth += Double(bitPattern: row.valueBits) }
    }
    return Int(depth)
  }

  private func lastError() async -> String {
    for status in await agent.controller.statuses {
      if case .unhealthy(let reason) = status.health { return "\(status.id): \(reason)" }
    }
    return DemoLog.last
  }
}

/// The agent's log during a demo: the last line that matters is part of the picture.
enum DemoLog {
  private static let lastLine = Mutex("")

  static let sink: LogSink = {
    let sink = LogSink(descriptor: -1)
    sink.listen { line in
      if line.level >= .warn { lastLine.withLock { $0 = line.text } }
    }
    return sink
  }()

  static var last: String { lastLine.withLock { $0 } }
}

/// Remembers that something happened.
private final class Once: Sendable {
  private let happened = Atomic(false)

  /// True from the second time on.
  func swapTrue() -> Bool { happened.exchange(true, ordering: .relaxed) }
}

private func oneDecimal(_ value: Double) -> String {
  let tenths = (value * 10).rounded()
  return "\(Int(tenths / 10)).\(Int(tenths.truncatingRemainder(dividingBy: 10).magnitude))"
}
