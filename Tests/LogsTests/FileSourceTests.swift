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
}
