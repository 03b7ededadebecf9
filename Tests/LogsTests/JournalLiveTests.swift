// SPDX-License-Identifier: Apache-2.0

import Linux
import Logs
import Telemetry
import TestSupport
import Testing

/// A journald that runs beside the reader, with limits so small that it rotates and removes files all the time.
@Suite(.enabled(if: JournalHost.isPossible, JournalHost.needs)) struct JournalLiveTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func options(_ host: JournalHost) -> JournalOptions {
    JournalOptions(place: .directory(host.directory), labels: LabelSet(["job": "j"]))
  }

  /// The numbers of the test's own entries.
  private func numbers(_ receiver: JournalReceiver) -> [Int] {
    receiver.lines().compactMap { line in
      line.text.hasPrefix("n=") ? Int(line.text.dropFirst(2).prefix { $0 != " " }) : nil
    }
  }

  private func write(_ range: Range<Int>, to host: JournalHost) throws {
    for number in range { try host.write("n=\(number) " + String(repeating: "x", count: 900), ["NUMBER": "\(number)"]) }
  }

  @Test func `while journald rotates and removes files each entry arrives once`() async throws {
    let host = try await JournalHost(in: directory.path)
    let receiver = JournalReceiver()
    let reader = RunningReader(options(host), to: receiver)
    for round in 0..<16 {
      try write(round * 250..<round * 250 + 250, to: host)
      if round % 4 == 3 { host.rotate() }
      await eventually("round \(round) arrives") { numbers(receiver).last == round * 250 + 249 }
    }
    await reader.stop()
    let statistics = reader.statistics.snapshot
    #expect(numbers(receiver) == Array(0..<4000), "\(statistics)")
    #expect(statistics.vacuumed == 0 && statistics.unreadable == 0 && statistics.gaps == 0, "\(statistics)")
    #expect(try listDirectory(host.directory + "/" + listDirectory(host.directory)[0]).count > 2)
  }

  @Test func `what journald removes while nobody reads is counted, to the entry`() async throws {
    let host = try await JournalHost(in: directory.path)
    let receiver = JournalReceiver()
    let first = RunningReader(options(host), to: receiver)
    try write(0..<100, to: host)
    await eventually("the first arrive") { numbers(receiver).last == 99 }
    await first.stop()
    let before = receiver.lines().count
    try write(100..<6000, to: host)
    let second = RunningReader(options(host), to: receiver)
    await eventually("the last arrives") { numbers(receiver).last == 5999 }
    await second.stop()
    let statistics = second.statistics.snapshot
    let got = numbers(receiver)
    #expect(Set(got).count == got.count && got == got.sorted())
    #expect(statistics.vacuumed > 0)
    // journald's own entries are numbered like the test's.
    let own = UInt64(receiver.lines().count - before - (got.count - 100))
    #expect((5900...5900 + own + 100).contains(statistics.lines + statistics.vacuumed), "\(statistics)")
  }

  @Test func `an entry journald writes arrives although the reader sleeps`() async throws {
    let host = try await JournalHost(in: directory.path)
    let receiver = JournalReceiver()
    let reader = RunningReader(options(host), to: receiver)
    for number in 0..<6 {
      try write(number..<number + 1, to: host)
      await eventually("\(number) arrives") { numbers(receiver).last == number }
    }
    await reader.stop()
    #expect(numbers(receiver) == Array(0..<6))
  }
}
