// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@testable import Queue

@Suite struct SegmentLogTests {
  let disk = CrashingFileStore()
  var options = QueueOptions(overflow: .dropOldest, maxBytes: 1 << 20, segmentBytes: 4096, minFreeBytes: 0)

  func open(_ disk: CrashingFileStore? = nil, _ options: QueueOptions? = nil) throws -> SegmentLog {
    try SegmentLog(
      directory: "/q", options: options ?? self.options, store: disk ?? self.disk, log: QueueScript.silent)
  }

  /// A block whose payload is `number`, a thousand bytes, with the position `number` of source 0.
  func block(_ number: UInt8, positions: Bool = true, bytes: Int = 1000) -> Block {
    Block(
      kind: 1, items: 10, minTimestampMilliseconds: Int64(number) * 1000,
      maxTimestampMilliseconds: Int64(number) * 1000 + 999, payload: [UInt8](repeating: number, count: bytes),
      positions: positions ? [SourcePosition(source: [0], position: [number])] : [])
  }

  /// What the queue hands out, first byte each, everything acknowledged on the way.
  func drain(_ log: SegmentLog) throws -> [UInt8] {
    var numbers: [UInt8] = []
    while true {
      let blocks = try log.read(maxBlocks: 3, maxBytes: .max)
      guard let last = blocks.last else { return numbers }
      numbers += blocks.map { $0.block.payload[0] }
      try log.acknowledge(through: last.sequence, rejected: 0)
      try log.releaseSegments()
    }
  }

  func isConserved(_ log: SegmentLog) -> Bool {
    let now = log.statistics
    return now.enqueued == now.acknowledged + now.rejected + now.droppedTotal + now.pending
  }

  @Test func `blocks come back as they were, in order, and again until acknowledged`() throws {
    let log = try open()
    _ = log.append((1...5).map { block($0) })
    let first = try log.read(maxBlocks: 2, maxBytes: .max)
    #expect(first.map(\.block) == [block(1), block(2)])
    #expect(try log.read(maxBlocks: 2, maxBytes: .max) == first)
    try log.acknowledge(through: first[0].sequence, rejected: 4)
    #expect(try log.read(maxBlocks: 9, maxBytes: 1).map(\.block) == [block(2)])
    #expect(log.counters.acknowledged == 6 && log.counters.rejected == 4)
    #expect(isConserved(log))
  }

  @Test func `counters and position survive a clean restart`() throws {
    var log = try open()
    _ = log.append((1...9).map { block($0) })
    try log.acknowledge(through: log.read(maxBlocks: 4, maxBytes: .max)[3].sequence, rejected: 10)
    try log.releaseSegments()
    let before = log.statistics
    log.close()
    log = try open()
    var after = log.statistics
    after.syncs = before.syncs
    #expect(after == before)
    #expect(try drain(log) == [5, 6, 7, 8, 9])
  }

  @Test func `a torn last record goes, and the source is asked from before it`() throws {
    let log = try open()
    _ = log.append([block(1)])
    _ = log.append([block(2)])
    let path = log.path(1)
    let bytes = try #require(disk.contents(path))
    disk.crash(.process)
    disk.overwrite(path, with: Array(bytes.dropLast(500)))
    let again = try open()
    #expect(again.positions[[0]] == [1])
    #expect(try drain(again) == [1])
    #expect(again.statistics.corruptRecords == 0)
    #expect(again.statistics.uncleanStarts == 1)
  }

  @Test func `behind a torn record nothing with positions counts, and all without them does`() throws {
    for positions in [true, false] {
      let disk = CrashingFileStore()
      let log = try open(disk)
      _ = log.append([block(1, positions: positions)])
      _ = log.append([block(2, positions: positions), block(3, positions: positions)])
      var bytes = try #require(disk.contents(log.path(1)))
      let second = try #require(bytes.firstIndex(of: 2, thousandTimes: true))
      bytes[second + 10] ^= 1
      disk.crash(.process)
      disk.overwrite(log.path(1), with: bytes)
      let again = try open(disk)
      #expect(try drain(again) == (positions ? [1] : [1, 3]))
      #expect(again.positions[[0]] == (positions ? [1] : nil))
      #expect(isConserved(again))
    }
  }

  enum History: CaseIterable { case closed, restarted, killed }

  /// Of six blocks, one of which is acknowledged (`SPOKE_SCHEDULES`: every bit).
  @Test(arguments: History.allCases)
  func `a flipped bit in any byte costs the record it is in, and the source delivers that again`(
    history: History
  ) throws {
    var log = try open()
    for number in 1...6 {
      _ = log.append([block(UInt8(number), bytes: 300)])
      if number == 1 {
        try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
        try log.persistBookmark()
      }
      guard history == .restarted, number == 3 else { continue }
      log.close()
      log = try open()
    }
    if history != .killed { log.close() }
    disk.crash(.process)
    let newest = log.path(try #require(log.segments.last).number)
    for path in try disk.list("/q").map({ "/q/\($0)" }) {
      let bytes = try #require(disk.contents(path))
      // Of the bookmark, the two slots.
      for index in bytes.indices where !path.hasSuffix("bookmark") || index % 4096 < 512 {
        for bit in environmentVariable("SPOKE_SCHEDULES") == nil ? [index % 8] : Array(0..<8) {
          let copy = disk.copy(seed: 1)
          var damaged = bytes
          damaged[index] ^= 1 << bit
          copy.overwrite(path, with: damaged)
          // The agent may be killed as soon as everything sound is delivered, before the source has been asked.
          var again = try open(copy)
          var numbers = try drain(again)
          #expect(isConserved(again))
          let missing = Set(UInt8(2)...6).subtracting(numbers)
          #expect(
            numbers == numbers.sorted() && missing.count <= 1, "bit \(bit) of byte \(index) of \(path): \(numbers)")
          // Whether the last one of a queue that was not closed was ever on disk, nobody knows.
          let isTorn = history == .killed && missing == [6]
          #expect(again.counters.dropped[DropReason.damaged.rawValue] == UInt64(isTorn ? 0 : 10 * missing.count))
          try again.persistBookmark()
          copy.crash(.powerLosingAll)
          again = try open(copy)
          let position = try #require(again.positions[[0]])[0]
          // Never is there no position, and never a newer one than what was delivered.
          guard path == newest, let lost = missing.first else {
            #expect(position == 6, "bit \(bit) of byte \(index) of \(path)")
            continue
          }
          #expect(position == lost - 1, "bit \(bit) of byte \(index) of \(path)")
          for number in (position + 1)...6 { _ = again.append([block(number, bytes: 300)]) }
          numbers += try drain(again)
          #expect(Set(numbers).isSuperset(of: 2...6) && isConserved(again))
        }
      }
    }
  }

  @Test func `what passes is not taken for damage`() throws {
    let log = try open()
    for number in 1...6 { _ = log.append([block(UInt8(number))]) }
    try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
    log.close()
    disk.crash(.process)
    for operation in [CrashingFileStore.Operation.open, .read, .size, .list] {
      for after in 0..<40 {
        let copy = disk.copy(seed: 1)
        copy.plan(operation, after: after, errno: EMFILE)
        let again = try (try? open(copy)) ?? open(copy)
        _ = try? again.read(maxBlocks: 9, maxBytes: .max)
        copy.planNothing()
        #expect(try drain(again) == [2, 3, 4, 5, 6], "\(operation) \(after)")
        #expect(again.statistics.corruptRecords == 0 && again.statistics.droppedTotal == 0)
      }
    }
  }

  @Test func `a bookmark that was written but not synced does not cost the one that was`() throws {
    let log = try open(disk.mounted())
    _ = log.append([block(1), block(2), block(3)])
    for _ in 1...2 {
      try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
      try log.persistBookmark()
    }
    try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
    disk.cutPower(after: 2)  // the write, not the sync
    #expect(throws: SystemError.self) { try log.persistBookmark() }
    disk.crash(.process)
    // Wherever the next start is cut short, the acknowledgement of the second block has been durable.
    for after in 1..<12 {
      for seed in 1..<20 as Range<UInt64> {
        let copy = disk.copy(seed: seed, keepingUnsynced: true)
        copy.cutPower(after: after)
        _ = try? open(copy)
        copy.crash(.powerLosingSome)
        #expect(try Set(drain(open(copy))).isSubset(of: [3]), "cut after \(after), seed \(seed)")
      }
    }
  }

  @Test mutating func `lines are not handed out before the name of their file is durable`() throws {
    options.overflow = .pause
    let log = try open(disk.mounted())
    disk.cutPower(after: 6)  // create, truncate, write, sync, rename, not the sync of the directory
    #expect(log.append([block(1)]) == 0)
    disk.crash(.process)
    disk.trouble = .syncFails
    let again = try open()
    #expect(throws: SystemError.self) { try again.read(maxBlocks: 9, maxBytes: .max) }
    disk.trouble = .none
    #expect(try drain(again) == [1])
  }

  @Test mutating func `lines that were written but not synced are on disk again before they are handed out`() throws {
    options.overflow = .pause
    let log = try open(disk.mounted())
    _ = log.append([block(1)])
    disk.cutPower(after: 2)  // the write, not the sync
    _ = log.append([block(2)])
    disk.crash(.process)
    disk.trouble = .readOnly
    let again = try open()
    let first = try again.read(maxBlocks: 9, maxBytes: .max)
    #expect(first.map { $0.block.payload[0] } == [1])
    try again.acknowledge(through: first[0].sequence, rejected: 0)
    #expect(again.ring.count == 1)
    #expect(try again.read(maxBlocks: 9, maxBytes: .max).isEmpty)
    disk.trouble = .none
    #expect(again.resume())
    #expect(try drain(again) == [2])
  }

  @Test(arguments: [true, false])
  func `without a bookmark everything on disk is delivered again`(fileIsThere: Bool) throws {
    let log = try open()
    _ = log.append((1...4).map { block($0) })
    try log.acknowledge(through: log.read(maxBlocks: 2, maxBytes: .max)[1].sequence, rejected: 0)
    log.close()
    disk.crash(.process)
    disk.overwrite("/q/bookmark", with: fileIsThere ? [UInt8](repeating: 0xff, count: 8192) : nil)
    let again = try open()
    #expect(try drain(again) == [1, 2, 3, 4])
    #expect(again.statistics.corruptRecords == (fileIsThere ? 1 : 0))
    #expect(isConserved(again))
  }

  @Test func `one damaged slot of the bookmark costs at most what the other does not say`() throws {
    let log = try open()
    _ = log.append((1...2).map { block($0) })
    for _ in 1...2 {
      try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
      try log.persistBookmark()
    }
    disk.crash(.process)
    for slot in 0..<2 {
      let copy = disk.copy(seed: 1)
      var bytes = try #require(disk.contents("/q/bookmark"))
      bytes[slot * 4096 + 30] ^= 1
      copy.overwrite("/q/bookmark", with: bytes)
      #expect(try [[], [2]].contains(drain(open(copy))))
    }
  }

  /// Checksums tell what was written, not that it made sense.
  @Test(arguments: [Int64.min, -1, Int64.max - 40, 1 << 60])
  func `a bookmark that says what cannot be is a damaged one`(number: Int64) throws {
    var log = try open()
    _ = log.append((1...3).map { block($0) })
    log.close()
    var bookmark = Bookmark(identity: log.identity)
    bookmark.generation = 99
    bookmark.position.offset = number
    bookmark.position.segment = UInt64(bitPattern: number)
    bookmark.outside = UInt64(bitPattern: number)
    #expect(Bookmark(bookmark.encode()) == nil)
    let slot = bookmark.encode() + [UInt8](repeating: 0, count: Bookmark.slotDistance - Bookmark.slotBytes)
    disk.overwrite("/q/bookmark", with: slot + slot)
    disk.overwrite("/q/ffffffffffffffff.seg", with: [])
    disk.crash(.process)
    log = try open()
    #expect(try drain(log) == [1, 2, 3])
    #expect(log.append([block(4)]) == 1)
  }

  @Test func `a missing segment is counted to the item and its neighbours are delivered`() throws {
    let log = try open()
    for number in 1...12 { _ = log.append([block(UInt8(number))]) }
    log.close()
    disk.crash(.process)
    disk.overwrite(log.path(2), with: nil)
    let again = try open()
    let numbers = try drain(again)
    #expect(numbers.first == 1 && numbers.last == 12 && numbers.count < 12)
    #expect(again.counters.dropped[DropReason.damaged.rawValue] == UInt64(10 * (12 - numbers.count)))
    #expect(again.positions[[0]] == [12])
    #expect(isConserved(again))
  }

  @Test func `a position outlives the segment it came in`() throws {
    let log = try open()
    _ = log.append([block(7)])
    for number in 1...12 { _ = log.append([block(UInt8(number), positions: false)]) }
    _ = try drain(log)
    #expect(disk.contents(log.path(1)) == nil)
    disk.crash(.powerLosingAll)
    #expect(try open().positions[[0]] == [7])
  }

  @Test func `a segment of another queue is set aside, not delivered and not deleted`() throws {
    let other = CrashingFileStore()
    let foreign = try SegmentLog(
      directory: "/q", options: options, store: other, log: QueueScript.silent)
    _ = foreign.append([block(9)])
    let log = try open()
    _ = log.append([block(1)])
    log.close()
    disk.crash(.process)
    disk.overwrite(log.path(5), with: other.contents(foreign.path(1)))
    let again = try open()
    #expect(try drain(again) == [1])
    #expect(again.statistics.filesSetAside == 1)
    #expect(disk.contents(log.path(5) + ".set-aside") != nil)
  }

  @Test
  mutating func
    `on a full disk the newest stay in memory, go out from there, and the disk is used again once it can be`()
    throws
  {
    options.memoryRingBytes = 3000
    let log = try open()
    _ = log.append([block(1)])
    disk.trouble = .full
    _ = log.append((2...6).map { block($0) })
    #expect(log.statistics.degraded?.contains("No space left") == true)
    #expect(log.counters.dropped[DropReason.memoryFull.rawValue] == 20)
    #expect(isConserved(log))
    let first = try log.read(maxBlocks: 9, maxBytes: .max)
    try log.acknowledge(through: #require(first.last).sequence, rejected: 0)
    let second = try log.read(maxBlocks: 1, maxBytes: .max)
    #expect(second.map { $0.block.payload[0] } == [4])
    try log.persistBookmark()  // needs no space
    disk.trouble = .none
    #expect(log.resume())
    // What was lent out from memory is acknowledged on disk.
    try log.acknowledge(through: second[0].sequence, rejected: 0)
    disk.crash(.powerLosingAll)
    #expect(try drain(open()) == [4, 5, 6])
    #expect(isConserved(log))
  }

  @Test mutating func `on a full disk logs are refused and nothing is lost`() throws {
    options.overflow = .pause
    let log = try open()
    #expect(log.append([block(1)]) == 1)
    disk.trouble = .full
    #expect(log.append([block(2)]) == 0)
    #expect(log.positions[[0]] == [1])
    disk.trouble = .none
    #expect(log.resume())
    #expect(log.append([block(2)]) == 1)
    #expect(try drain(log) == [1, 2])
  }

  @Test func `a sync that failed is not tried again: the blocks go to a new segment`() throws {
    let log = try open()
    _ = log.append([block(1)])
    disk.trouble = .syncFails
    _ = log.append([block(2)])
    #expect(log.isDegraded)
    disk.trouble = .none
    #expect(log.resume())
    #expect(log.active?.number == 2)
    disk.crash(.powerLosingAll)
    #expect(try drain(open()) == [1, 2])
  }

  @Test mutating func `little free space counts as a full disk`() throws {
    options.minFreeBytes = 1 << 20
    let log = try open()
    disk.free = 1 << 19
    _ = log.append([block(1)])
    #expect(log.isDegraded)
    disk.free = 1 << 30
    #expect(log.resume())
    #expect(try drain(log) == [1])
  }

  @Test func `writes that take less than they are given are continued`() throws {
    disk.shortWrites = true
    let log = try open()
    for number in 1...20 { _ = log.append([block(UInt8(number))]) }
    disk.crash(.powerLosingAll)
    #expect(try drain(open()) == Array(1...20))
  }

  @Test mutating func `over the bound the oldest segments go, counted`() throws {
    options.maxBytes = 16 << 10
    let log = try open()
    for number in 1...60 { _ = log.append([block(UInt8(number))]) }
    #expect(log.totalBytes <= 20 << 10)
    let numbers = try drain(log)
    #expect(numbers.count >= 8 && numbers == Array((61 - UInt8(numbers.count))...60))
    #expect(log.counters.dropped[DropReason.queueFull.rawValue] == UInt64(10 * (60 - numbers.count)))
    #expect(isConserved(log))
  }

  @Test func `what is too old goes from the old end, counted`() throws {
    let log = try open()
    for number in 1...12 { _ = log.append([block(UInt8(number))]) }
    try log.expire(olderThan: 8_000)
    #expect(log.counters.dropped[DropReason.expired.rawValue] == 70)
    #expect(log.statistics.oldestTimestampMilliseconds == 8_000)
    #expect(try drain(log) == [8, 9, 10, 11, 12])
    #expect(isConserved(log))
  }

  @Test func `a directory removed while in use is made again, and the loss counted`() throws {
    let log = try open()
    for number in 1...12 { _ = log.append([block(UInt8(number))]) }
    #expect(log.segments.count > 3)
    // The oldest is being read, the newest written; nothing holds those in between.
    let first = try log.read(maxBlocks: 2, maxBytes: .max)
    try log.acknowledge(through: first[0].sequence, rejected: 0)
    disk.removeDirectory("/q")
    _ = log.append([block(13)])
    #expect(log.statistics.directoryLosses == 1)
    #expect(isConserved(log))
    let numbers = try drain(log)
    #expect(numbers.first == 2 && numbers.suffix(2) == [12, 13] && numbers.count < 12)
    #expect(log.counters.dropped[DropReason.damaged.rawValue] == UInt64(10 * (12 - numbers.count)))
    #expect(isConserved(log))
    disk.crash(.powerLosingAll)
    #expect(try open().positions[[0]] == [13])
  }

  @Test(arguments: [QueueOptions.Overflow.pause, .dropOldest])
  mutating func `of a removed queue nothing is lost that was in the file being written, also when its place is gone`(
    overflow: QueueOptions.Overflow
  ) throws {
    options.overflow = overflow
    let log = try open()
    _ = log.append([block(1), block(2)])
    try log.acknowledge(through: log.read(maxBlocks: 1, maxBytes: 1)[0].sequence, rejected: 0)
    disk.removeDirectory("/q")
    disk.trouble = .full
    #expect(log.append([block(3)]) == (overflow == .pause ? 0 : 1))
    #expect(log.statistics.degraded != nil && isConserved(log))
    disk.trouble = .none
    #expect(log.resume())
    if overflow == .pause { #expect(log.append([block(3)]) == 1) }
    #expect(log.statistics.directoryLosses == 1 && isConserved(log))
    disk.crash(.powerLosingAll)
    #expect(try drain(open()) == [2, 3])
  }

  @Test func `a source is forgotten on request, and the longest silent one when there are too many`() throws {
    let log = try open()
    _ = log.append([block(1)])
    var forgetting = block(2)
    forgetting.positions = [SourcePosition(source: [0], position: [])]
    _ = log.append([forgetting])
    #expect(log.positions[[0]] == nil)
    var positions = SourcePositions()
    for number in 0..<9000 as Range<UInt16> {
      positions.merge([
        SourcePosition(source: [UInt8(number >> 8), UInt8(number & 0xff)], position: [UInt8](repeating: 1, count: 500))
      ])
      #expect(positions.bytes <= SourcePositions.maximumBytes)
    }
    #expect(positions.forgotten > 0 && positions[[0, 0]] == nil && positions[[35, 39]] != nil)
    #expect(encodePositions(positions.all).count == positions.bytes)
  }

  @Test func `opening reads one segment, however many there are`() throws {
    let log = try open()
    for number in 1...100 { _ = log.append([block(UInt8(number))]) }
    disk.crash(.process)
    for segment in log.segments.dropLast() { disk.overwrite(log.path(segment.number), with: [1, 2, 3]) }
    #expect(try open().positions[[0]] == [100])
  }

  @Test func `a look inside tells blocks, damage and the acknowledged position, and changes nothing`() throws {
    let log = try open()
    for number in 1...6 { _ = log.append([block(UInt8(number))]) }
    try log.acknowledge(through: log.read(maxBlocks: 2, maxBytes: .max)[1].sequence, rejected: 0)
    try log.persistBookmark()
    var bytes = try #require(disk.contents(log.path(1)))
    bytes[1500] ^= 1
    disk.overwrite(log.path(1), with: bytes)
    let operations = disk.operations
    let report = try inspectQueue(directory: "/q", store: disk)
    #expect(report.acknowledgedThrough == 2)
    #expect(report.segments.map(\.blocks).reduce(0, +) == 5)
    #expect(report.segments.flatMap(\.corrupt).map(\.reason) == ["checksum of the record does not match"])
    #expect(report.positions == [SourcePosition(source: [0], position: [6])])
    var seen: [UInt8] = []
    try forEachBlock(inQueue: "/q", store: disk) { seen.append($0.block.payload[0]) }
    #expect(seen == [3, 4, 5, 6])
    #expect(disk.operations == operations)
  }
}

extension [UInt8] {
  fileprivate func firstIndex(of byte: UInt8, thousandTimes: Bool) -> Int? {
    indices.first { $0 + 1000 <= count && self[$0] == byte && self[$0..<$0 + 1000].allSatisfy { $0 == byte } }
  }
}
