// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

/// `agent demo` where there is no terminal.
struct DemoTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `a line a second says that samples arrive, and nothing is left behind`() async throws {
    let outcome = try await AgentProcess.command(["demo", "--seconds", "4"], environment: ["TMPDIR": directory.path])
    #expect(outcome.status == 0)
    #expect(outcome.errors == "")
    let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("series=") }
    #expect(lines.count == 4)
    #expect(!outcome.output.contains("\u{1b}"))
    let last = try #require(lines.last)
    let numbers = Dictionary(
      last.split(separator: " ").compactMap { field in
        field.firstIndex(of: "=").map { (String(field[..<$0]), String(field[field.index(after: $0)...])) }
      }, uniquingKeysWith: { first, _ in first })
    #expect(try #require(numbers["samples"].flatMap { Int($0) }) > 100)
    #expect(try #require(numbers["series"].flatMap { Int($0) }) > 50)
    #expect(numbers["duplicates"] == "0")
    // A machine without a journal is told so; nothing else may be wrong.
    let error = last.firstRange(of: "last_error=").map { last[$0.upperBound...] }
    #expect(error == "\"\"" || error?.contains("there is no journal here yet") == true, "\(last)")
    #expect(try listDirectory(directory.path) == [])
  }

  @Test func `Ctrl-C ends it at once, and nothing is left behind`() async throws {
    let demo = try AgentProcess(["demo"], environment: ["TMPDIR": directory.path])
    await eventually("it draws") { demo.process.output.contains("series=") }
    demo.signal(SIGINT)
    #expect(await demo.process.waitForExit() == 0)
    #expect(try listDirectory(directory.path) == [])
  }
}
