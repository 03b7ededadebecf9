// SPDX-License-Identifier: Apache-2.0

import Hub
import Linux
import Runtime
import Telemetry
import TestSupport
import Testing

/// From a journal to a hub.
@Suite struct LokiSourceJournalTests {
  private let start = UInt64(wallClockNanoseconds() / 1000) - 600_000_000

  private func configuration(_ more: String) -> String {
    """
    loki.source.journal "read" {
      path       = "DIR/journal"
      forward_to = [loki.write.hub.receiver]
      \(more)
    }
    loki.relabel "rules" {
      forward_to = []
      rule {
        source_labels = ["__journal__systemd_unit"]
        target_label  = "unit"
      }
    }
    loki.write "hub" {
      endpoint {
        url        = "LOKI"
        batch_wait = "20ms"
      }
    }

    """
  }

  private func pipeline(_ more: String) async throws -> Pipeline {
    let pipeline = try await Pipeline(configuration(more))
    try makeDirectory(pipeline.directory.path("journal"))
    try fabricateJournal(
      pipeline.directory.path("journal/a.journal"),
      (0..<10).map { FabricatedEntry("\($0)", at: start + $0, ["_SYSTEMD_UNIT": "u.service"]) })
    return pipeline
  }

  private func texts(_ pipeline: Pipeline) -> [String] { pipeline.hub.streams().flatMap { $0.entries.map(\.text) } }

  @Test func `labels are the block's, the rules' and the component's name as job`() async throws {
    let pipeline = try await pipeline(
      """
      labels        = { host = "h" }
      relabel_rules = loki.relabel.rules.rules
      """)
    try await pipeline.controller.start()
    await eventually("all arrive") { texts(pipeline) == (0..<10).map { "\($0)" } }
    #expect(
      pipeline.hub.streams().map(\.labels) == [
        LabelSet(["host": "h", "job": "loki.source.journal.read", "unit": "u.service"])
      ])
    let id = ["component_id": "loki.source.journal.read"]
    await eventually("they are counted") {
      await pipeline.metric("loki_source_journal_target_lines_total", id) == 10
    }
    #expect(await pipeline.metric("spoke_source_lag_seconds", id) == 0)
    #expect(await pipeline.metric("spoke_source_lost_total", ["reason": "vacuumed"]) == 0)
    await pipeline.stop()
  }

  @Test func `a job of the user's own stays, and a reload reads nothing twice`() async throws {
    let pipeline = try await pipeline("labels = { job = \"mine\" }")
    try await pipeline.controller.start()
    await eventually("all arrive") { texts(pipeline).count == 10 }
    try pipeline.write(configuration("labels = { job = \"yours\" }"))
    try await pipeline.controller.reload()
    try fabricateJournal(pipeline.directory.path("journal/b.journal"), [FabricatedEntry("10", at: start + 10)])
    await eventually("the next arrives") { texts(pipeline).count == 11 }
    let streams = pipeline.hub.streams().map { ($0.labels["job"], $0.entries.count) }.sorted { $0.1 < $1.1 }
    #expect(streams.map(\.0) == ["yours", "mine"] && streams.map(\.1) == [1, 10])
    await pipeline.stop()
  }

  @Test(arguments: [
    (
      "state/loki.source.journal.read/positions.yml",
      "? path: cursor-loki.source.journal.read\n    labels: \"\"\n  : CURSOR"
    ),
    ("promtail.yaml", "/var/log/syslog: \"17\"\n  journal-system: CURSOR"),
  ]) func `where another agent stopped, reading goes on`(file: String, positions: String) async throws {
    let pipeline = try await pipeline(
      "legacy_position {\n file = \"DIR/promtail.yaml\"\n name = \"system\"\n }\n max_age = \"0s\"")
    let directory = pipeline.directory
    try Program.run(
      "bash", "-c",
      "journalctl -D \(directory.path("journal")) -o json | grep '\"MESSAGE\":\"4\"' | "
        + "sed 's/.*\"__CURSOR\":\"\\([^\"]*\\)\".*/\\1/' > \(directory.path("cursor"))")
    let cursor = String(decoding: try readFile(directory.path("cursor")), as: UTF8.self)
    try makeDirectory(parent(of: directory.path(file)))
    let text = "positions:\n  " + positions.replacing("CURSOR", with: cursor)
    try replaceFile(directory.path(file), with: Array(text.utf8).span)
    try await pipeline.controller.start()
    await eventually("the rest arrives") { texts(pipeline) == (5..<10).map { "\($0)" } }
    await pipeline.stop()
  }
}
