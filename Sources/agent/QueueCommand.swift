// SPDX-License-Identifier: Apache-2.0

import Flags
import Linux
import Queue
import Telemetry
import Wire

/// `agent queue`.
struct QueueCommand {
  private let action: String
  private let directory: String
  private let limit: Int

  init(_ invocation: Invocation) {
    action = invocation.positionals[0]
    directory =
      invocation.positionals.count > 1
      ? invocation.positionals[1] : invocation.value("storage.path") ?? Standard.storage
    limit = invocation.value("limit").flatMap { Int($0) } ?? 1000
  }

  func perform() -> Int32 {
    guard ["show", "verify", "dump"].contains(action) else {
      printError("Error: agent queue cannot \"\(action)\"\n  it can show, verify and dump")
      return 2
    }
    do {
      let queues = try findQueues(below: directory, depth: 6)
      guard !queues.isEmpty else {
        printError("Error: there is no queue in \(directory)\n  give the directory that --storage.path names")
        return 1
      }
      return try queues.reduce(0) { max($0, try perform(on: $1)) }
    } catch {
      printError("Error: \(error)")
      return 1
    }
  }

  private func perform(on queue: String) throws -> Int32 {
    switch action {
    case "show": return try show(queue)
    case "verify": return try verify(queue)
    default: return try dump(queue)
    }
  }

  /// Directories that hold segments, `directory` itself among them.
  private func findQueues(below directory: String, depth: Int) throws(SystemError) -> [String] {
    let names = try listDirectory(directory)
    if names.contains(where: { $0.hasSuffix(".seg") || $0 == "bookmark" }) { return [directory] }
    guard depth > 0 else { return [] }
    var found: [String] = []
    for name in names where fileKind("\(directory)/\(name)") == .directory {
      found += try findQueues(below: "\(directory)/\(name)", depth: depth - 1)
    }
    return found
  }

  private func show(_ queue: String) throws -> Int32 {
    let report = try inspectQueue(directory: queue)
    print(queue)
    let pending = report.segments.reduce(0) { $0 + $1.pendingBlocks }
    print("  acknowledged through  \(report.acknowledgedThrough.map { "block \($0)" } ?? "unknown: no sound bookmark")")
    print("  waiting               \(counted(pending, "block"))")
    for segment in report.segments {
      let name = segment.path.split(separator: "/").last.map(String.init) ?? segment.path
      print(
        "  \(name)  \(segment.bytes) bytes, \(counted(segment.blocks, "block")) (\(segment.pendingBlocks) waiting), "
          + "\(segment.items) items, \(times(segment))")
    }
    showDamage(report)
    return 0
  }

  private func times(_ segment: QueueReport.Segment) -> String {
    guard let least = segment.minTimestampMilliseconds, let most = segment.maxTimestampMilliseconds else {
      return "empty"
    }
    return "\(rfc3339(nanoseconds: least &* 1_000_000)) to \(rfc3339(nanoseconds: most &* 1_000_000))"
  }

  private func verify(_ queue: String) throws -> Int32 {
    let report = try inspectQueue(directory: queue)
    let blocks = report.segments.reduce(0) { $0 + $1.blocks }
    let damage = report.segments.reduce(0) { $0 + $1.corrupt.count }
    let parts = [
      counted(report.segments.count, "segment"), counted(blocks, "sound block"), counted(damage, "damaged place"),
    ]
    print("\(queue): \(parts.joined(separator: ", "))")
    showDamage(report)
    return damage == 0 ? 0 : 1
  }

  private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private func showDamage(_ report: QueueReport) {
    for spot in report.segments.flatMap(\.corrupt) {
      print("  damaged: \(spot.path) at \(spot.offset), \(spot.bytes) bytes: \(spot.reason)")
    }
  }

  private func dump(_ queue: String) throws -> Int32 {
    var left = limit
    print(queue)
    try forEachBlock(inQueue: queue) { stored in
      guard left > 0 else { return }
      print("  block \(stored.sequence): kind \(stored.block.kind), \(stored.block.items) items")
      guard !stored.block.isEmpty else { return }
      for item in try items(stored.block) where left > 0 {
        print("    \(item)")
        left -= 1
      }
    }
    if left == 0 { print("  … stopped at \(limit) samples or lines; --limit shows more") }
    return 0
  }

  private func items(_ block: Block) throws -> [String] {
    guard PushBlockKind.all.contains(block.kind) else { return try samples(uncompressed(block.payload.span)) }
    guard let pushes = storedPushes(kind: block.kind, items: block.items, block.payload.span) else {
      throw WireError.malformed(what: "block", reason: "it is no row of pushes with \(block.items) lines")
    }
    return try pushes.flatMap { try lines(uncompressed(block.payload.span.extracting($0.snappy))) }
  }

  private func uncompressed(_ snappy: Span<UInt8>) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try Snappy.uncompress(snappy, limit: 32 << 20, into: &bytes)
    return bytes
  }

  private func samples(_ request: [UInt8]) throws -> [String] {
    try decodeWriteRequest(request.span).series.flatMap { series in
      series.samples.map { sample in
        let time = rfc3339(nanoseconds: sample.timestampMilliseconds &* 1_000_000)
        return "\(LabelSet(series.labels)) \(valueText(sample.valueBits)) \(time)"
      }
    }
  }

  private func lines(_ push: [UInt8]) throws -> [String] {
    try decodePushRequest(push.span).streams.flatMap { stream in
      stream.entries.map { entry in
        let line = String(decoding: entry.line, as: UTF8.self)
        return "\(LabelSet(stream.labels)) \(rfc3339(nanoseconds: entry.timestampNanoseconds)) \(line.debugDescription)"
      }
    }
  }

  private func valueText(_ bits: UInt64) -> String {
    bits == staleMarkerBits ? "stale" : "\(Double(bitPattern: bits))"
  }
}
