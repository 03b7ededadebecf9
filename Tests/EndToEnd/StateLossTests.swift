// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// The state directory is removed under a running agent, brought from another machine, or rots.
@Suite struct StateLossTests {
  private let directory: TemporaryDirectory
  private let port = freeFixedPort()

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(_ log: String) -> String {
    """
    loki.source.file "app" {
      targets    = [{ __path__ = "\(log)", app = "file" }]
      forward_to = [loki.write.hub.receiver]
    }

    loki.write "hub" {
      endpoint {
        url                = "http://127.0.0.1:\(port)/loki/api/v1/push"
        batch_wait         = "20ms"
        max_backoff_period = "500ms"
      }
    }

    """
  }

  private func texts(_ hub: EmbeddedHub) -> [String] { hub.streams().flatMap { $0.entries.map(\.text) } }

  private func shell(_ command: String) async throws {
    #expect(try await ChildProcess(["/bin/sh", "-c", command]).waitForExit() == 0)
  }

  @Test(arguments: [true, false])
  func `a state directory removed while the agent runs is made again, and each line arrives once`(hubIsThere: Bool)
    async throws
  {
    var hub = hubIsThere ? try await EmbeddedHub.start(port: port, on: loopbackNetwork) : nil
    let log = directory.path("app.log")
    let agent = try await AgentProcess.run(configuration(log), in: directory)
    var written: [String] = []
    for round in 0..<3 {
      let lines = (0..<50).map { "\(round)-\($0)" }
      try append(lines.map { $0 + "\n" }.joined(), to: log)
      written += lines
      await eventually("the lines are in the queue") {
        (try? await agent.metrics())?.sum("spoke_queue_enqueued_items_total") == Double(written.count)
      }
      if round < 2 { try await shell("rm -rf '\(directory.path("state"))'") }
    }
    #expect(agent.log.contains("queue files were removed while in use"))
    await agent.killAtOnce()
    if hub == nil { hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork) }
    let again = try await AgentProcess.run(configuration(log), in: directory)
    await eventually("all lines are there") { texts(hub!).count >= written.count }
    #expect(texts(hub!) == written)
    #expect(try await again.metrics().sum("spoke_queue_dropped_items_total") == 0)
    await again.stop()
    await hub?.stop()
  }

  /// At some places of each file; with `SPOKE_SCHEDULES`, in each byte.
  @Test func `a flipped bit in the queue costs no line; only those behind it arrive twice`() async throws {
    let log = directory.path("app.log")
    let agent = try await AgentProcess.run(configuration(log), in: directory)
    var written: [String] = []
    for round in 0..<5 {
      let lines = (0..<3).map { "\(round)-\($0)" }
      try append(lines.map { $0 + "\n" }.joined(), to: log)
      written += lines
      await eventually("the lines are in the queue") {
        (try? await agent.metrics())?.sum("spoke_queue_enqueued_items_total") == Double(written.count)
      }
    }
    await agent.killAtOnce()
    let parent = directory.path("state/loki.write.hub")
    let queue = "\(parent)/\(try #require(listDirectory(parent).first))"
    let files = try listDirectory(queue).map { (path: "\(queue)/\($0)", bytes: try readFile("\(queue)/\($0)")) }
    for (path, bytes) in files {
      for index in bytes.indices where isChosen(index, of: bytes.count) {
        try await shell("rm -rf '\(queue)' && mkdir '\(queue)'")
        for file in files { try replaceFile(file.path, with: file.bytes.span) }
        var damaged = bytes
        damaged[index] ^= 1 << (index % 8)
        try replaceFile(path, with: damaged.span)
        let hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
        let again = try await AgentProcess.run(configuration(log), in: directory)
        await eventually("all lines are there in spite of byte \(index) of \(path)") {
          Set(texts(hub)).count == written.count
        }
        let arrived = texts(hub)
        // What the queue gave comes first; what it lacked is read again, and so is what was behind that.
        let twice = written.filter { line in arrived.count { $0 == line } > 1 }
        let missed = written.first { line in (arrived.firstIndex(of: line) ?? 0) >= written.count - 3 }
        if let first = twice.first, let missed {
          #expect(first > missed, "byte \(index) of \(path): \(arrived)")
        }
        #expect(try await again.metrics().sum("spoke_queue_dropped_items_total") <= 3)
        await again.killAtOnce()
        await hub.stop()
      }
    }
  }

  private func isChosen(_ index: Int, of count: Int) -> Bool {
    environmentVariable("SPOKE_SCHEDULES") != nil || index % (count / 12) == count / 24
  }

  @Test
  func `a queue copied from another machine is delivered, and positions in it are not taken for those of files here`()
    async throws
  {
    let there = try TemporaryDirectory()
    let log = directory.path("app.log")
    let agent = try await AgentProcess.run(configuration(log), in: there)
    let theirs = (0..<100).map { "theirs \($0)" }
    try append(theirs.map { $0 + "\n" }.joined(), to: log)
    await eventually("the lines are in the queue") {
      (try? await agent.metrics())?.sum("spoke_queue_enqueued_items_total") == 100
    }
    // Copied while it is in use, without its lock.
    try await shell("cp -r '\(there.path("state"))' '\(directory.path("state"))' && rm '\(log)'")
    await agent.killAtOnce()
    let ours = (0..<200).map { "ours \($0)" }
    try append(ours.map { $0 + "\n" }.joined(), to: log)
    let hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    let here = try await AgentProcess.run(configuration(log), in: directory)
    await eventually("all lines are there") { texts(hub).count >= 300 }
    #expect(texts(hub) == theirs + ours)
    await here.stop()
    await hub.stop()
  }
}
