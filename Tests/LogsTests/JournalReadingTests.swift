// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logs
import Relabel
import Synchronization
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

  @Test func `an entry beyond the year 2262 gets the last time there is`() async throws {
    let far: UInt64 = 10_000_000_000_000_000
    try fabricateJournal(
      directory.path("a.journal"),
      [FabricatedEntry("now", at: epoch), FabricatedEntry("far", at: far, monotonic: 2_000_000)])
    let lines = await read(2)
    #expect(lines.map(\.text) == ["now", "far"])
    #expect(lines.last.map { $0.nanoseconds / 1_000_000_000 } == Int64.max / 1_000_000_000)
  }

  @Test func `only entries that match are read, on either side of a plus`() async throws {
    let entries = (0..<40).map { number in
      FabricatedEntry(
        "message \(number)", at: epoch + UInt64(number) * 1000,
        ["_SYSTEMD_UNIT": "u\(number % 4).service", "PRIORITY": "\(number % 8)"])
    }
    try fabricateJournal(directory.path("a.journal"), entries)
    let matches = try JournalMatches(
      parsing: "_SYSTEMD_UNIT=u0.service PRIORITY=0  + _SYSTEMD_UNIT=u1.service _SYSTEMD_UNIT=u2.service")
    let lines = await read(25, options { $0.matches = matches })
    let wanted: [Int] = (0..<40).filter { $0 % 8 == 0 || $0 % 4 == 1 || $0 % 4 == 2 }
    #expect(lines.map(\.text) == wanted.map { "message \($0)" })
  }

  @Test func `rules see the fields, and make and drop labels and entries`() async throws {
    let entries = (0..<10).map { number in
      FabricatedEntry(
        "message \(number)", at: epoch + UInt64(number) * 1000,
        ["_SYSTEMD_UNIT": "u\(number % 2).service", "PRIORITY": "\(number)", "CODE_LINE": "\(number)"])
    }
    try fabricateJournal(directory.path("a.journal"), entries)
    let rules = [
      try RelabelRule(sourceLabels: ["__journal__systemd_unit"], targetLabel: "unit"),
      try RelabelRule(sourceLabels: ["__journal_priority_keyword"], targetLabel: "level"),
      try RelabelRule(regex: "__journal_code_(line)", replacement: "code_$1", action: .labelmap),
      try RelabelRule(sourceLabels: ["__journal_message"], regex: "message [45]", action: .drop),
    ]
    let receiver = JournalReceiver()
    let reader = RunningReader(options { $0.rules = rules }, to: receiver)
    await eventually("all arrive") { receiver.lines().count == 8 }
    await reader.stop()
    #expect(receiver.lines().map(\.text) == [0, 1, 2, 3, 6, 7, 8, 9].map { "message \($0)" })
    #expect(
      receiver.lines()[3].labels == ["job": "j", "unit": "u1.service", "level": "error", "code_line": "3"])
    #expect(receiver.lines()[6].labels == ["job": "j", "unit": "u0.service", "code_line": "8"])
    #expect(reader.statistics.snapshot.withoutLabels == 2)
  }

  @Test func `as JSON a line has all fields, repeated ones as arrays, and stays an object when it is long`()
    async throws
  {
    var entry = FabricatedEntry("a \"line\"\nwith \u{1}", at: epoch, ["SYSLOG_IDENTIFIER": "x"])
    entry.fields += [("TAG", Array("one".utf8)), ("TAG", Array("two".utf8)), ("RAW", [0x41, 0xff, 0x00])]
    var long = FabricatedEntry(nil, at: epoch + 1)
    long.fields += [("LONG", [UInt8](repeating: 0x78, count: 300_000)), ("SHORT", Array("s".utf8))]
    try fabricateJournal(directory.path("a.journal"), [entry, long])
    let lines = await read(2, options { $0.formatAsJSON = true })
    let text = try #require(lines.first?.text)
    let start = "{\"__REALTIME_TIMESTAMP\":\"1700000000000000\",\"__MONOTONIC_TIMESTAMP\":\"1000000\","
    #expect(text.hasPrefix(start) && text.hasSuffix("}"))
    for part in [
      #""MESSAGE":"a \"line\"\nwith \u0001""#, #""TAG":["one","two"]"#, "\"RAW\":\"A\u{fffd}\u{fffd}\"",
      #""SYSLOG_IDENTIFIER":"x""#,
    ] {
      #expect(text.contains(part), "\(part) in \(text)")
    }
    #expect(lines[1].text.utf8.count <= 256 << 10)
    #expect(lines[1].text.contains("xxx… [cut]\"") && lines[1].text.contains("\"SHORT\":\"s\""))
  }

  @Test func `long, binary and multi-line messages arrive whole, up to the limit of the hub`() async throws {
    let long = String(repeating: "long ", count: 20_000)
    let tooLong = String(repeating: "é", count: 200_000)
    var binary = FabricatedEntry(nil, at: epoch + 2)
    binary.fields.append(("MESSAGE", [0x61, 0xff, 0xfe, 0x0a, 0xc3, 0xa9, 0x00, 0x62]))
    let several = "first\nsecond\n\tthird"
    try fabricateJournal(
      directory.path("a.journal"),
      [
        FabricatedEntry(long, at: epoch), FabricatedEntry(tooLong, at: epoch + 1), binary,
        FabricatedEntry(several, at: epoch + 3), FabricatedEntry(nil, at: epoch + 4, ["OTHER": "x"]),
        FabricatedEntry("last", at: epoch + 5),
      ])
    let receiver = JournalReceiver()
    let reader = RunningReader(options(), to: receiver)
    await eventually("all arrive") { receiver.lines().count == 5 }
    await reader.stop()
    let texts = receiver.lines().map(\.text)
    #expect(texts[0] == long)
    #expect(texts[1].utf8.count <= 256 << 10 && texts[1].utf8.count > (256 << 10) - 4)
    #expect(texts[1].hasSuffix("éé… [cut]"))
    #expect(texts[2...] == ["a\u{fffd}\u{fffd}\né\u{fffd}b", several, "last"])
    let numbers = reader.statistics.snapshot
    #expect(numbers.lines == 5 && numbers.cutLines == 1 && numbers.repairedLines == 1 && numbers.withoutMessage == 1)
  }

  @Test func `entries of one microsecond differ in their time, the same after a restart`() async throws {
    let entries = [0, 0, 0, 1, 1, 5].enumerated().map { index, time in
      FabricatedEntry("same", at: epoch + UInt64(time), monotonic: UInt64(5_000_000 + time), ["N": "\(index)"])
    }
    try fabricateJournal(directory.path("a.journal"), entries)
    let start = Int64(epoch) * 1000
    let expected: [Int64] = [start, start + 1, start + 2, start + 1000, start + 1001, start + 5000]
    let receiver = JournalReceiver()
    receiver.fail { $0.entries.count > 2 }
    for limit in [3, 6] {
      let reader = RunningReader(options { if limit == 3 { $0.batchBytes = 600 } }, to: receiver)
      await eventually("\(limit) arrive") { receiver.lines().count >= limit }
      await reader.stop()
      receiver.fail(nil)
    }
    #expect(receiver.lines().map(\.nanoseconds) == expected)
  }

  @Test func `where nobody knows reading begins as long ago as it may`() async throws {
    let now = UInt64(wallClockNanoseconds() / 1000)
    let ages: [UInt64] = [90, 50, 10]
    try fabricateJournal(
      directory.path("a.journal"), ages.map { FabricatedEntry("\($0) minutes", at: now - $0 * 60_000_000) })
    let lines = await read(2, options { $0.maxAgeNanoseconds = 3600 * 1_000_000_000 })
    #expect(lines.map(\.text) == ["50 minutes", "10 minutes"])
  }

  @Test func `what one destination knows wins over the age, and each gets what it lacks`() async throws {
    try fabricateJournal(
      directory.path("a.journal"), (0..<100).map { FabricatedEntry("\($0)", at: epoch + UInt64($0) * 1000) })
    let first = JournalReceiver()
    let reader = RunningReader(options(), to: first)
    await eventually("all are there") { first.lines().count == 100 }
    await reader.stop()
    let batch = try #require(first.batches.first)
    let receiver = JournalReceiver("a", "b", "new")
    receiver.setPosition(try #require(batch.position(after: batch.entries[29])), of: "a")
    receiver.setPosition(try #require(batch.position(after: batch.entries[59])), of: "b")
    let second = RunningReader(options { $0.maxAgeNanoseconds = 1_000_000_000 }, to: receiver)
    await eventually("all have all") {
      receiver.position("a") == first.position() && receiver.position("b") == first.position()
    }
    await second.stop()
    #expect(receiver.lines("a").map(\.text) == (30..<100).map { "\($0)" })
    #expect(receiver.lines("b").map(\.text) == (60..<100).map { "\($0)" })
    #expect(receiver.lines("new").map(\.text) == (30..<100).map { "\($0)" })
    #expect(receiver.batches.map(\.audience) == [["a", "new"], nil])
  }

  @Test func `a journal that is not there yet is read when it appears`() async throws {
    let place = JournalPlace.directory(directory.path("later"))
    let receiver = JournalReceiver()
    let reader = RunningReader(options { $0.place = place }, to: receiver)
    await eventually("it says so") { reader.said.all.contains { $0?.contains("no journal here yet") ?? false } }
    try makeDirectory(directory.path("later"))
    try fabricateJournal(directory.path("later/a.journal"), [FabricatedEntry("first", at: epoch)])
    await eventually("it is read") { receiver.lines().map(\.text) == ["first"] }
    #expect(reader.said.all.last == .some(nil))
    try fabricateJournal(directory.path("later/b.journal"), [FabricatedEntry("second", at: epoch + 1)])
    await eventually("another file, too") { receiver.lines().map(\.text) == ["first", "second"] }
    await reader.stop()
  }

  @Test func `where the entry read last is gone, reading goes on after it and says so`() async throws {
    try fabricateJournal(directory.path("a.journal"), (0..<50).map { FabricatedEntry("\($0)", at: epoch + UInt64($0)) })
    let receiver = JournalReceiver()
    let reader = RunningReader(options(), to: receiver)
    await eventually("the first arrive") { receiver.lines().count == 50 }
    await reader.stop()
    try removeFile(directory.path("a.journal"))
    try fabricateJournal(
      directory.path("b.journal"), (50..<90).map { FabricatedEntry("\($0)", at: epoch + UInt64($0)) })
    let second = RunningReader(options(), to: receiver)
    await eventually("the rest arrives") { receiver.lines().last?.text == "89" }
    await second.stop()
    #expect(receiver.lines().map(\.text) == (0..<90).map { "\($0)" })
    #expect(second.statistics.snapshot.gaps == 1)
  }

  @Test func `a boot whose clock began in the past is read after the one before it`() async throws {
    let (old, new) = (FabricatedEntry.boot, "aaaaaaaabbbbccccddddeeeeeeeeeeee")
    try fabricateJournal(directory.path("a.journal"), (0..<20).map { FabricatedEntry("old \($0)", at: epoch + $0) })
    let receiver = JournalReceiver()
    let first = RunningReader(options(), to: receiver)
    await eventually("the first boot arrives") { receiver.lines().count == 20 }
    await first.stop()
    try fabricateJournal(
      directory.path("b.journal"), (20..<25).map { FabricatedEntry("old \($0)", at: epoch + $0, boot: old) })
    try fabricateJournal(
      directory.path("c.journal"),
      (0..<20).map { FabricatedEntry("new \($0)", at: epoch - 3_600_000_000 + $0, boot: new, monotonic: 1000 + $0) })
    for restart in 0..<2 {
      let reader = RunningReader(options { $0.bootID = new }, to: receiver)
      await eventually("the second boot arrives") { receiver.lines().last?.text == "new \(restart == 0 ? 19 : 20)" }
      await reader.stop()
      try fabricateJournal(
        directory.path("d.journal"), [FabricatedEntry("new 20", at: epoch + 100, boot: new, monotonic: 2000)])
    }
    #expect(
      receiver.lines().map(\.text) == (0..<25).map { "old \($0)" } + (0...20).map { "new \($0)" })
  }

  @Test(arguments: testSeeds(count: 6)) func `a damaged file does not keep the others from being read`(
    seed: UInt64
  ) async throws {
    var random = SplitMix64(seed: seed)
    for file in 0..<3 {
      try fabricateJournal(
        directory.path("\(file).journal"),
        (0..<300).map { FabricatedEntry("\(file * 300 + $0)", at: epoch + UInt64(file * 300 + $0) * 1000) })
    }
    var bytes = try readFile(directory.path("1.journal"))
    let used = try #require(bytes.lastIndex { $0 != 0 })
    for _ in 0..<20 { bytes[random.below(used)] ^= UInt8(1 + random.below(255)) }
    try replaceFile(directory.path("1.journal"), with: bytes.span)
    let receiver = JournalReceiver()
    let reader = RunningReader(options(), to: receiver)
    await eventually("the last file is read") { receiver.lines().contains { $0.text == "899" } }
    await reader.stop()
    let numbers = Set(receiver.lines().map(\.text))
    #expect(numbers.isSuperset(of: (0..<300).map { "\($0)" } + (600..<900).map { "\($0)" }), "seed \(seed)")
  }

  @Test(arguments: testSeeds(count: 4)) func `readers that die at any moment deliver each entry once`(
    seed: UInt64
  ) async throws {
    let random = Mutex(SplitMix64(seed: seed))
    for file in 0..<3 {
      try fabricateJournal(
        directory.path("\(file).journal"),
        (0..<700).map { FabricatedEntry("\(file * 700 + $0)", at: epoch + UInt64(file * 700 + $0) / 2) })
    }
    let receiver = JournalReceiver()
    receiver.fail { _ in random.withLock { $0.chance(15) } }
    while receiver.lines().count < 2100 {
      let reader = RunningReader(options { $0.batchBytes = 8 << 10 }, to: receiver)
      let goal = min(2100, receiver.lines().count + random.withLock { $0.below(700) })
      await eventually("it gets further") { receiver.lines().count >= goal }
      await reader.stop()
    }
    #expect(receiver.lines().map(\.text) == (0..<2100).map { "\($0)" }, "seed \(seed)")
    #expect(Set(receiver.lines().map(\.nanoseconds)).count == 2100)
  }

  @Test func `a file that is cut short under the reader ends nothing`() async throws {
    let file = directory.path("a.journal")
    try fabricateJournal(file, (0..<2000).map { FabricatedEntry("\($0)", at: epoch + UInt64($0)) })
    let receiver = JournalReceiver()
    receiver.fail { _ in truncate(file, 8192) != 0 }
    let reader = RunningReader(options { $0.batchBytes = 10 << 10 }, to: receiver)
    await eventually("the first arrive") { !receiver.lines().isEmpty }
    try fabricateJournal(
      directory.path("b.journal"), (2000..<2100).map { FabricatedEntry("\($0)", at: epoch + UInt64($0)) })
    await eventually("the other file is read") { receiver.lines().last?.text == "2099" }
    await reader.stop()
    #expect(MissingPages.count > 0)
    #expect(receiver.lines().suffix(100).map(\.text) == (2000..<2100).map { "\($0)" })
    #expect(reader.statistics.snapshot.gaps > 0)
  }
}
