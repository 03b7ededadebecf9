// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@Suite struct FilesTests {
  @Test func `an error names the operation, the path and the reason`() {
    let error = #expect(throws: SystemError.self) { try readFile("/nowhere/at-all") }
    #expect(error?.description == "open /nowhere/at-all: No such file or directory")
  }

  @Test func `a file larger than the limit is refused`() throws {
    let directory = try TemporaryDirectory()
    try replaceFile(directory.path("big"), with: [UInt8](repeating: 1, count: 11).span)
    let error = #expect(throws: SystemError.self) { try readFile(directory.path("big"), limit: 10) }
    #expect(error?.errno == EFBIG)
    #expect(try readFile(directory.path("big"), limit: 11).count == 11)
  }

  @Test func `directories are made with what is missing above them`() throws {
    let directory = try TemporaryDirectory()
    try makeDirectory(directory.path("a/b/c"))
    try makeDirectory(directory.path("a/b/c"))
    #expect(fileKind(directory.path("a/b/c")) == .directory)
    #expect(try listDirectory(directory.path("a")) == ["b"])
  }

  @Test(.enabled(if: geteuid() == 0, "only root gives away"))
  func `a directory is given away once, and a link is not followed`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("state")
    try makeDirectory(path, mode: 0o755)
    #expect(symlink(path, directory.path("link")) == 0)
    let error = #expect(throws: SystemError.self) {
      try giveDirectory(directory.path("link"), toUser: 65532, group: 65533, mode: 0o750)
    }
    #expect(error?.operation == "open")
    #expect(try giveDirectory(path, toUser: 65532, group: 65533, mode: 0o750))
    #expect(fileMode(path) == 0o750 && owningGroupName(path) == "65533")
    #expect(try !giveDirectory(path, toUser: 65532, group: 65533, mode: 0o700), "it was theirs")
    #expect(fileMode(path) == 0o750)
  }

  @Test func `CRC32C agrees with RFC 3720`() {
    #expect(crc32c([UInt8](repeating: 0, count: 32).span) == 0x8a91_36aa)
    #expect(crc32c([UInt8](repeating: 0xff, count: 32).span) == 0x62a8_ab43)
    let digits = Array("123456789".utf8)
    #expect(crc32c(digits.span) == 0xe306_9283)
    #expect(crc32c(Array(digits[4...]).span, continuing: crc32c(Array(digits[..<4]).span)) == 0xe306_9283)
  }

  @Test func `moments are written as RFC 3339 does`() {
    #expect(rfc3339(nanoseconds: 1_763_901_531_000_123_456) == "2025-11-23T12:38:51.000123Z")
  }
}

@Suite struct BlockingThreadTests {
  private actor Counter {
    let thread = BlockingThread(name: "counter")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
    var threads: Set<UInt> = []
    var count = 0

    func add() {
      threads.insert(UInt(pthread_self()))
      count += 1
    }
  }

  @Test func `an actor's work stays on its thread`() async {
    let counter = Counter()
    await withTaskGroup { group in
      for _ in 0..<100 { group.addTask { await counter.add() } }
    }
    #expect(await counter.count == 100)
    #expect(await counter.threads.count == 1)
  }
}
