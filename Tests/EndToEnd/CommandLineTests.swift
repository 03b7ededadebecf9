// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Queue
import Telemetry
import TestSupport
import Testing
import Wire

@Suite struct CommandLineTests {
  @Test(.enabled(if: Session.isUpdating)) func `the document is written anew`() async throws {
    try await Session.update("command-line")
  }

  @Test(arguments: Session.all("command-line"))
  func `a command line prints what it should`(_ session: Session) async throws {
    #expect(try await session.run() == session.expected)
  }

  // MARK: Queues

  private func queue(_ action: String, _ directory: TemporaryDirectory) async throws -> AgentProcess.Outcome {
    try await AgentProcess.command(["queue", action, directory.path("state")])
  }

  /// The one segment of the one queue of a state directory.
  private func segment(_ directory: TemporaryDirectory) throws -> String {
    let component = directory.path("state/prometheus.remote_write.hub")
    let queue = "\(component)/\(try #require(try listDirectory(component).first))"
    return "\(queue)/\(try #require(try listDirectory(queue).first { $0.hasSuffix(".seg") }))"
  }

  @Test func `queues are shown, verified and dumped, a damaged one too, and its sound part is delivered`() async throws
  {
    let directory = try TemporaryDirectory()
    let target = try await CountingTarget.start()
    let port = freeFixedPort()
    let hub = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    let configuration = hub.configuration(target)
    await hub.stop()
    let agent = try await AgentProcess.run(configuration, in: directory)
    try await eventually("samples wait") {
      try await queue("dump", directory).output.split(separator: "\n").count { $0.contains("test_scrapes_total") } > 8
    }
    await agent.stop()

    let path = try segment(directory)
    let shown = try await queue("show", directory)
    #expect(shown.status == 0 && shown.errors == "")
    #expect(
      shown.output.hasPrefix("\(parent(of: path))\n  acknowledged through  block 0\n  waiting "), "\(shown.output)")
    #expect(!shown.output.contains("damaged"))
    let sound = try await queue("verify", directory)
    #expect(sound.status == 0 && sound.errors == "")
    #expect(sound.output.hasSuffix(" sound blocks, 0 damaged places\n"), "\(sound.output)")
    let dumped = try await queue("dump", directory)
    #expect(dumped.status == 0)
    let series = "test_scrapes_total{instance=\"\(target.address)\",job=\"count\"}"
    #expect(dumped.output.contains("    \(series) "), "\(dumped.output.prefix(2000))")

    var bytes = try readFile(path)
    bytes[bytes.count / 2] ^= 0x40
    try replaceFile(path, with: bytes.span)
    let damaged = try await queue("verify", directory)
    #expect(damaged.status == 1)
    #expect(damaged.output.contains(", 1 damaged place\n  damaged: \(path) at "), "\(damaged.output)")
    let shownDamaged = try await queue("show", directory)
    #expect(shownDamaged.status == 0 && shownDamaged.output.contains("  damaged: \(path) at "))
    let rest = try await queue("dump", directory)
    #expect(rest.status == 0)
    #expect(rest.output.split(separator: "\n").count < dumped.output.split(separator: "\n").count)

    let back = try await EmbeddedHub.start(port: port, on: loopbackNetwork)
    let next = try await AgentProcess.run(configuration, in: directory)
    await eventually("the sound part is delivered") { back.scrapes().count > 5 }
    #expect(try await next.metrics().sum("spoke_queue_corrupt_records_total") >= 1)
    await next.stop()
    let scrapes = back.scrapes()
    #expect(scrapes == Array(Set(scrapes)).sorted())
    #expect(back.duplicates == 0)
  }

  @Test func `a queue of lines is shown, verified and dumped, with blocks that only say where sources stand`()
    async throws
  {
    let directory = try TemporaryDirectory()
    var encoder = PushEncoder()
    encoder.beginStream(packedLabels: LabelSet(["app": "x"]).packed.span, tenant: Array("guest".utf8).span)
    encoder.add(timestampNanoseconds: 1_700_000_000_000_001_000, line: Array("tab\there".utf8).span)
    var payload: [UInt8] = []
    let kind = encoder.finish(into: &payload)
    let lines = Block(
      kind: kind, items: 1, minTimestampMilliseconds: 1_700_000_000_000,
      maxTimestampMilliseconds: 1_700_000_000_000, payload: payload)
    let positions = Block(
      kind: PushBlockKind.plain, items: 0, minTimestampMilliseconds: 0, maxTimestampMilliseconds: 0, payload: [],
      positions: [SourcePosition(source: [1], position: [2])])
    let queue = try WriteAheadQueue(
      directory: directory.path("state/q"), options: QueueOptions(overflow: .pause),
      log: Log(to: LogSink(descriptor: -1)))
    try await queue.append([positions, lines, positions])
    await queue.close()

    let shown = try await self.queue("show", directory)
    #expect(shown.status == 0 && shown.output.contains("3 blocks (3 waiting), 1 items, 2023-11-14T22:13:20.000000Z to"))
    let verified = try await self.queue("verify", directory)
    #expect(verified.status == 0 && verified.output.hasSuffix("3 sound blocks, 0 damaged places\n"))
    let dumped = try await self.queue("dump", directory)
    #expect(dumped.status == 0 && dumped.errors == "")
    #expect(
      dumped.output.hasSuffix(
        """
          block 1: kind 2, 0 items
          block 2: kind 5, 1 items
            {app="x"} 2023-11-14T22:13:20.000001Z "tab\\there"
          block 3: kind 2, 0 items

        """), "\(dumped.output)")
  }
}
