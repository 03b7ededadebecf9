// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport

@testable import Queue

/// Files of a queue. The first byte of an input tells which file it replaces, and whether its checksums are made right
/// again: what is wrong with right checksums gets further.
let queueSurfaces = [
  Surface(
    "queue-files",
    seeds: {
      let disk = try soundQueue()
      return try queueFiles.enumerated().map { number, name in
        guard let bytes = disk.contents("/q/\(name)") else { throw Broken("no file \(name)") }
        return [UInt8(number) | 0x80] + bytes
      }
    }, longest: 32 << 10, runs: 200,
    examine: {
      let sound = try soundQueue()
      return { input in
        let disk = sound.copy(seed: 1)
        let choice = input.first ?? 0
        var bytes = Array(input.dropFirst())
        let name = queueFiles[Int(choice & 0x7f) % queueFiles.count]
        if choice & 0x80 != 0 { repairChecksums(&bytes, isBookmark: name == "bookmark") }
        disk.overwrite("/q/\(name)", with: bytes)
        try live(on: disk)
      }
    })
]

private let queueFiles = ["bookmark", "0000000000000001.seg", "0000000000000002.seg", "0000000000000003.seg"]
private let identity = QueueIdentity(bytes: Array(1...16))
private let queueOptions = QueueOptions(overflow: .dropOldest, maxBytes: 40_000, segmentBytes: 4096, minFreeBytes: 0)

private func block(_ number: UInt8, bytes: Int) -> Block {
  Block(
    kind: 1, items: 10, minTimestampMilliseconds: Int64(number) * 1000,
    maxTimestampMilliseconds: Int64(number) * 1000 + 9,
    payload: [UInt8](repeating: number, count: bytes),
    positions: [SourcePosition(source: [number % 3], position: [number])])
}

/// Three segments, some of it acknowledged, not closed.
private func soundQueue() throws -> CrashingFileStore {
  let disk = CrashingFileStore()
  let log = try SegmentLog(
    directory: "/q", options: queueOptions, store: disk, log: Log(to: LogSink(descriptor: -1)), identity: identity)
  for number in 1...9 { _ = log.append([block(UInt8(number), bytes: 900)]) }
  try log.acknowledge(through: log.read(maxBlocks: 2, maxBytes: .max)[1].sequence, rejected: 0)
  try log.persistBookmark()
  disk.crash(.process)
  return disk
}

/// A life on `disk`: inspected, recovered, appended to, drained, closed, and opened again.
private func live(on disk: CrashingFileStore) throws {
  _ = try? inspectQueue(directory: "/q", store: disk)
  for _ in 0..<2 {
    disk.crash(.process)
    guard
      let log = try? SegmentLog(
        directory: "/q", options: queueOptions, store: disk, log: Log(to: LogSink(descriptor: -1)), identity: identity)
    else { return }
    _ = log.append([block(20, bytes: 500), block(21, bytes: 2000)])
    try? log.expire(olderThan: 2000)
    var reads = 0
    while let blocks = try? log.read(maxBlocks: 3, maxBytes: 4096), let last = blocks.last {
      try log.acknowledge(through: last.sequence, rejected: 1)
      try log.releaseSegments()
      reads += 1
      try require(reads < 1000, "the queue does not end")
    }
    let now = log.statistics
    try require(now.pending == 0, "something stays")
    log.close()
  }
}

/// Makes the checksums of everything that looks like a record, or of both slots of a bookmark, what they should be.
private func repairChecksums(_ bytes: inout [UInt8], isBookmark: Bool) {
  if isBookmark {
    for slot in [0, Bookmark.slotDistance] where slot + Bookmark.slotBytes <= bytes.count {
      bytes.overwrite(littleEndian: crc32c(bytes.span.extracting(slot..<slot + 216)), at: slot + 216)
    }
    return
  }
  guard bytes.count >= 40 else { return }
  bytes.overwrite(littleEndian: crc32c(bytes.span.extracting(0..<32)), at: 32)
  let seed = QueueIdentity(bytes: Array(bytes[8..<24])).seed(segment: bytes.littleEndian(at: 24))
  for start in stride(from: 40, through: bytes.count - Record.headerBytes, by: 8)
  where bytes.littleEndian(at: start, as: UInt32.self) == Record.mark {
    let body = start + Record.headerBytes
    let count =
      Int(bytes.littleEndian(at: start + 8, as: UInt32.self)) + Int(bytes.littleEndian(at: start + 12, as: UInt32.self))
    if body + count <= bytes.count {
      bytes.overwrite(
        littleEndian: crc32c(bytes.span.extracting(body..<body + count), continuing: seed), at: start + 20)
    }
    bytes.overwrite(
      littleEndian: crc32c(bytes.span.extracting(start..<start + 76), continuing: seed), at: start + 76)
  }
}
