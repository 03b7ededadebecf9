// SPDX-License-Identifier: Apache-2.0

import Linux
import Logs
import Relabel
import Telemetry
import TestSupport
import Testing

/// Journals made for the test, read to their end.
@Suite struct JournalReadingTests {
  let directory: TemporaryDirectory
  private let epoch = FabricatedEntry.epoch

  init() throws { directory = try TemporaryDirectory() }

  private func options(_ change: (inout JournalOptions) -> Void = { _ in }) -> JournalOptions {
    var options = JournalOptions(place: .directory(directory.path), labels: LabelSet(["job": "j"]))
    change(&options)
    return options
  }

  /// What comes of reading until `count` lines have arrived.
  private func read(_ count: Int, _ options: JournalOptions? = nil) async -> [JournalReceiver.Line] {
    let receiver = JournalReceiver()
    let reader = RunningReader(options ?? self.options(), to: receiver)
    await eventually("\(count) lines arrive") { receiver.lines().count >= count }
    await reader.stop()
    return receiver.lines()
  }

  @Test func `each entry arrives once, with its time`() async throws {
    let entries = (0..<100).map { FabricatedEntry("message \($0)", at: epoch + UInt64($0) * 1000) }
    try fabricateJournal(directory.path("a.journal"), entries)
    let lines = await read(100)
    #expect(lines.map(\.text) == (0..<100).map { "message \($0)" })
    #expect(lines.map(\.nanoseconds) == (0..<100).map { Int64(epoch + $0 * 1000) * 1000 })
    #expect(lines.allSatisfy { $0.labels == ["job": "j"] })
  }
}
