// SPDX-License-Identifier: Apache-2.0

import Linux
import Logs
import TestSupport
import Testing

@testable import Components

@Suite struct PositionsFileTests {
  private func read(_ text: String) -> [String: FileSourceSettings.TakenOver]? {
    PositionsFile.read(Array(text.utf8), onDamage: .end)
  }

  @Test func `Promtail's positions are read`() {
    let text = """
      positions:
        /var/log/syslog: "5000"
        "/var/log/with: colon": "7"
        /var/log/damaged.log: what
        journal-job: s=abc;i=1
      """
    #expect(
      read(text) == [
        "/var/log/syslog": .offset(5000), "/var/log/with: colon": .offset(7), "/var/log/damaged.log": .damaged(.end),
      ])
  }

  @Test func `Alloy's positions are read`() {
    let text = """
      positions:
        ? path: /var/log/app.log
          labels: '{job="app"}'
        : "12345"
        ? path: cursor-loki.source.journal.read
          labels: ""
        : s=6a;i=1b
      """
    #expect(read(text) == ["/var/log/app.log": .offset(12345)])
    #expect(read(text.split(separator: "\n").joined(separator: "\r\n")) == ["/var/log/app.log": .offset(12345)])
  }

  @Test(arguments: ["positions: {", "\0\0\0\0", "something: else\n", "positions:\n  - a\n"])
  func `what is none is not read`(text: String) { #expect(read(text)?.isEmpty != false) }

  @Test func `Alloy's own come before those of the agent before it`() throws {
    let directory = try TemporaryDirectory()
    let legacy = Array("positions:\n  /a: \"1\"\n".utf8)
    try replaceFile(directory.path("legacy"), with: legacy.span)
    func taken() -> [String: FileSourceSettings.TakenOver] {
      PositionsFile.takeOver(
        own: directory.path("own"), legacy: directory.path("legacy"), onDamage: .start,
        log: Log(to: LogSink(descriptor: -1)))
    }
    #expect(taken() == ["/a": .offset(1)])
    let own = Array("positions:\n  ? path: /a\n    labels: '{}'\n  : \"2\"\n".utf8)
    try replaceFile(directory.path("own"), with: own.span)
    #expect(taken() == ["/a": .offset(2)])
  }
}
