// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logs
import Telemetry
import TestSupport
import Testing

/// What becomes of the lines of real files.
@Suite struct FileSourceTests {
  @Test func `lines that are there and lines that come are delivered once, with the target's labels`() async throws {
    let bench = try FileBench()
    try bench.append("one\ntwo\n")
    try bench.start()
    await bench.expect(["one", "two"])
    try bench.append("three\r\n")
    await bench.expect(["one", "two", "three"])
    #expect(bench.inbox.lines[0].labels == ["filename": bench.path("app.log"), "job": "test"])
    let stamps = bench.inbox.lines.map(\.timestamp)
    #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 < $1 })
    await bench.stop()
  }

  @Test func `a restart goes on where the destination stands`() async throws {
    let bench = try FileBench()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    await bench.stop()
    try bench.append("two\n")
    try bench.start()
    await bench.expect(["one", "two"])
    await bench.stop()
  }

  @Test func `a file says it was written before 1970, or in centuries to come`() async throws {
    let bench = try FileBench((0..<4).map { "\($0).log" })
    for (number, seconds) in [9_300_000_000, -9_000_000_000, 9_223_372_036, 1 << 40].enumerated() {
      try bench.append("line\n", to: "\(number).log")
      let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
      try #require(utimensat(AT_FDCWD, bench.path("\(number).log"), times, 0) == 0)
    }
    try bench.start()
    await eventually("all are read") { bench.inbox.lines.count == 4 }
    await bench.stop()
  }

  @Test func `a renamed file is read to its end before the one that follows it`() async throws {
    let bench = try FileBench()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    try bench.append("two\n")
    try bench.rename("app.log", to: "app.log.1")
    try bench.append("three\n", to: "app.log.1")
    try bench.append("four\n")
    await bench.expect(["one", "two", "three", "four"])
    #expect(bench.inbox.lines[2].labels["filename"] == bench.path("app.log"))
    await bench.stop()
  }

  @Test func `several rotations while it was stopped lose and repeat nothing`() async throws {
    let bench = try FileBench()
    try bench.append("old\n", to: "app.log.1")
    await bench.letClockTick()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    await bench.stop()
    try bench.rename("app.log.1", to: "app.log.4")
    try bench.append("two\n")
    try bench.rename("app.log", to: "app.log.3")
    try bench.append("three\n")
    try bench.rename("app.log", to: "app.log.2")
    try bench.append("four\n")
    try bench.rename("app.log", to: "app.log.1")
    try bench.append("five\n")
    try bench.start()
    await bench.expect(["one", "two", "three", "four", "five"])
    await bench.stop()
  }

  @Test func `what was written between the last look and a truncation is read from the copy`() async throws {
    let bench = try FileBench()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    await bench.stop()
    try bench.append("two\n")
    try bench.copy("app.log", to: "app.log.1")
    try bench.truncate()
    try bench.append("three\nand four is longer\n")
    try bench.start()
    await bench.expect(["one", "two", "three", "and four is longer"])
    await bench.stop()
  }

  @Test func `a file that was replaced by a longer one is read from its beginning`() async throws {
    let bench = try FileBench()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    try bench.append("a longer one\nand more\n", to: "new")
    try bench.rename("new", to: "app.log")
    await bench.expect(["one", "a longer one", "and more"])
    await bench.stop()
  }

  @Test func `a line without newline is held until it is complete, or its file set aside`() async throws {
    let bench = try FileBench()
    try bench.append("one\ntw")
    try bench.start()
    await bench.expect(["one"])
    try bench.append("o\nthree")
    await bench.expect(["one", "two"])
    try bench.rename("app.log", to: "app.log.1")
    try bench.append("four\n")
    await bench.expect(["one", "two", "three", "four"])
    await bench.stop()
  }

  @Test func `what is not read yet is counted anew when the last batch was full, too`() async throws {
    // Four of the long lines fill a batch. After the second one only files without a whole line are left to look at.
    let full = (1...8).map { "\($0).log" }, unfinished = (1...30).map { "unfinished-\($0).log" }
    let bench = try FileBench(full + unfinished)
    for name in full { try bench.append(String(repeating: "x", count: 256 << 10) + "\n", to: name) }
    for name in unfinished { try bench.append("abc", to: name) }
    try bench.start()
    // Long before the next look at everything.
    await eventually("only lines without an end are left", within: .seconds(5)) { bench.lagBytes == 90 }
    #expect(bench.inbox.texts.count == 8)
    await bench.stop()
  }

  @Test func `a file that is removed while it is open is read to its end`() async throws {
    let bench = try FileBench()
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    let writer = try FileDescriptor(opening: bench.path("app.log"), flags: O_WRONLY | O_APPEND)
    try bench.remove("app.log")
    try writer.write(Array("two\nthree".utf8).span)
    await bench.expect(["one", "two", "three"])
    try bench.append("four\n")
    await bench.expect(["one", "two", "three", "four"])
    await bench.stop()
  }

  @Test func `other labels do not make another file, and nor does another target with it`() async throws {
    let bench = try FileBench(["app.log", "link.log"])
    #expect(symlink(bench.path("app.log"), bench.path("link.log")) == 0)
    try bench.append("one\n")
    try bench.start()
    await bench.expect(["one"])
    var settings = bench.settings
    settings.targets[0]["job"] = "other"
    bench.source?.update(settings)
    try await eventually("lines have the other label") {
      try bench.append("x\n")
      return bench.inbox.lines.last?.labels["job"] == "other"
    }
    #expect(bench.inbox.texts.count { $0 == "one" } == 1)
    await bench.stop()
  }

  @Test func `a link is followed to where its file is written and set aside`() async throws {
    let bench = try FileBench(["link.log"])
    try makeDirectory(bench.path("real"))
    try bench.append("one\n", to: "real/0.log")
    #expect(symlink(bench.path("real/0.log"), bench.path("link.log")) == 0)
    try bench.start()
    await bench.expect(["one"])
    try bench.append("two\n", to: "real/0.log")
    try bench.rename("real/0.log", to: "real/0.log.20260101-000000")
    try bench.append("three\n", to: "real/0.log")
    await bench.expect(["one", "two", "three"])
    #expect(bench.inbox.lines[2].labels["filename"] == bench.path("link.log"))
    await bench.stop()
  }

  @Test func `a link that is made later, and one that is led elsewhere, are followed`() async throws {
    let bench = try FileBench(["link.log"])
    for name in ["first", "second"] { try makeDirectory(bench.path(name)) }
    try bench.start()
    try bench.append("one\n", to: "first/0.log")
    #expect(symlink(bench.path("first/0.log"), bench.path("link.log")) == 0)
    await bench.expect(["one"])
    try bench.append("two\n", to: "first/0.log")
    try bench.rename("first/0.log", to: "first/0.log.20260101-000000")
    try bench.append("three\n", to: "first/0.log")
    await bench.expect(["one", "two", "three"])
    try bench.append("four\n", to: "first/0.log")
    try bench.append("five\n", to: "second/0.log")
    #expect(symlink("second/0.log", bench.path("new")) == 0)
    try bench.rename("new", to: "link.log")
    await bench.expect(["one", "two", "three", "four", "five"])
    try bench.append("six\n", to: "second/0.log")
    await bench.expect(["one", "two", "three", "four", "five", "six"])
    await bench.stop()
  }

  @Test func `an archive that was begun is gone on with after its lines were refused`() async throws {
    let bench = try FileBench(["app.gz"])
    let lines = (0..<60_000).map { "line \($0)" }
    try bench.append(lines.joined(separator: "\n"), to: "app")
    try Program.run("gzip", bench.path("app"))
    bench.settings.gzipDelay = .zero
    bench.inbox.meanwhile { if $0 == 2 || $0 == 3 { throw LogInbox.Refused() } }
    try bench.start()
    await eventually("all arrive") { bench.inbox.lines.count >= lines.count }
    #expect(bench.inbox.texts == lines)
    await bench.stop()
  }

  @Test func `with tail_from_end what is there is passed over, once and not after a restart`() async throws {
    let bench = try FileBench()
    bench.settings.beginning = .end
    try bench.append("old\nhalf")
    await bench.letClockTick()
    try bench.start()
    await eventually("the end is noted") { !bench.inbox.positions.isEmpty }
    await bench.stop()
    try bench.append(" a line\nnew\n")
    try bench.start()
    await bench.expect(["half a line", "new"])
    await bench.stop()
  }

  @Test func `positions of the agent before are taken over, unless the file is shorter`() async throws {
    let bench = try FileBench(["app.log", "short.log"])
    try bench.append("one\ntwo\n")
    try bench.append("three\n", to: "short.log")
    bench.settings.takenOver = [bench.path("app.log"): .offset(4), bench.path("short.log"): .offset(400)]
    try bench.start()
    await eventually("both are read") { bench.inbox.lines.count >= 2 }
    #expect(Set(bench.inbox.texts) == ["two", "three"])
    await bench.stop()
  }

  @Test func `a sparse file after a truncation begins after its NULs`() async throws {
    let bench = try FileBench()
    try bench.append(String(repeating: "0123456\n", count: 1000))
    try bench.start()
    await eventually("all is read") { bench.inbox.lines.count == 1000 }
    // A writer that does not append goes on where it was.
    let writer = try FileDescriptor(opening: bench.path("app.log"), flags: O_WRONLY)
    try bench.truncate()
    _ = try writer.write(Array("after\n".utf8).span, at: 3_000_000)
    await eventually("the line arrives") { bench.inbox.texts.last == "after" }
    #expect(bench.inbox.lines.count == 1001)
    #expect(bench.inbox.texts.last == "after")
    await bench.stop()
  }

  @Test func `archives are read once and only when that is asked for`() async throws {
    let bench = try FileBench(["app.log.gz"])
    // printf 'one\\ntwo' | gzip -n
    let archive: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xcb, 0xcf, 0x4b, 0xe5, 0x2a, 0x29, 0xcf, 0x07, 0x00,
      0x75, 0xc6, 0x88, 0x02, 0x07, 0x00, 0x00, 0x00,
    ]
    try bench.append(archive, to: "app.log.gz")
    try bench.start()
    await bench.stop()
    #expect(bench.inbox.lines.isEmpty)
    bench.settings.gzipDelay = .zero
    try bench.start()
    await bench.expect(["one", "two"])
    await bench.stop()
    try bench.start()
    await eventually("it is known") { !bench.inbox.positions.isEmpty }
    await bench.stop()
    #expect(bench.inbox.texts == ["one", "two"])
  }

  @Test func `a destination that lacks lines others have gets them alone`() async throws {
    let (first, second) = (LogInbox(id: "first"), LogInbox(id: "second"))
    let bench = try FileBench(inbox: first)
    try bench.append("one\n")
    try bench.start(to: TwoInboxes(first, second))
    await bench.expect(["one"])
    await bench.stop()
    try bench.append("two\n")
    try bench.start(to: first)
    await bench.expect(["one", "two"])
    await bench.stop()
    try bench.append("three\n")
    try bench.start(to: TwoInboxes(first, second))
    await bench.expect(["one", "two", "three"])
    await eventually("the other has them too") { second.texts == ["one", "two", "three"] }
    await bench.stop()
  }

  @Test func `a line of 100 MiB takes no more memory than its limit`() async throws {
    let bench = try FileBench(inbox: LogInbox(countsOnly: true))
    let writer = try FileDescriptor(opening: bench.path("app.log"), flags: O_WRONLY | O_CREAT | O_APPEND)
    let piece = [UInt8](repeating: 0x78, count: 1 << 20)
    for _ in 0..<100 { try writer.write(piece.span) }
    let before = ProcessUsage().residentBytes
    try bench.start()
    try writer.write(Array("\nshort\n".utf8).span)
    await eventually("all is read") { bench.inbox.receivedBytes >= (256 << 10) + 5 }
    #expect(bench.inbox.receivedBytes == (256 << 10) + 5)
    #expect(ProcessUsage().residentBytes - before < 24e6)
    await bench.stop()
  }

  @Test func `thousands of files need no descriptor each`() async throws {
    let names = (0..<2000).map { "\($0).log" }
    let bench = try FileBench(names)
    for name in names { try bench.append("\(name)\n", to: name) }
    let before = ProcessUsage().openFiles
    try bench.start()
    await eventually("all are read") { bench.inbox.lines.count == 2000 }
    #expect(Set(bench.inbox.texts) == Set(names))
    #expect(ProcessUsage().openFiles - before < 100)
    try bench.append("more\n", to: "1999.log")
    await eventually("the line arrives") { bench.inbox.lines.count == 2001 }
    await bench.stop()
  }
}

/// Two destinations on one way.
private final class TwoInboxes: LogsReceiver {
  private let both: [LogInbox]

  init(_ first: LogInbox, _ second: LogInbox) { both = [first, second] }

  func receive(_ batch: LogBatch) async throws { for inbox in both { try await inbox.receive(batch) } }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    var all: [LogDestination] = []
    for inbox in both { all += try await inbox.positions(of: origin, route: route, session: session) }
    return all
  }
}
