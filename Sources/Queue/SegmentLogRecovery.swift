// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What lies in the directory of a queue when it is opened.
struct Findings {
  var numbers: [UInt64] = []
  /// Of segments and of files set aside: none may be used again.
  var largestNumber: UInt64 = 0
  var bookmark: Bookmark?
  var bookmarkSlot = 0
  var bookmarkIsDamaged = false
  var identity: QueueIdentity?

  init(directory: String, store: any FileStore, removingUnfinished: Bool = true) throws {
    for name in try store.list(directory) {
      if name.hasSuffix(".tmp"), removingUnfinished { try? store.remove("\(directory)/\(name)") }
      guard let number = UInt64(name.prefix(16), radix: 16), name.utf8.count >= 20,
        number < LogPosition.highestCount
      else { continue }
      largestNumber = max(largestNumber, number)
      if name.utf8.count == 20, name.hasSuffix(".seg"), number > 0 { numbers.append(number) }
    }
    numbers.sort()
    let (exists, slots) = try BookmarkFile.read(store: store, directory: directory)
    if let newest = BookmarkFile.newest(of: slots) {
      bookmark = newest.bookmark
      bookmarkSlot = newest.slot
      identity = newest.bookmark.identity
    } else {
      bookmarkIsDamaged = exists
      identity = try Findings.mostCommonIdentity(numbers, directory, store)
    }
  }

  /// Without a bookmark the segments say whose they are; one that strayed in does not outvote the others.
  private static func mostCommonIdentity(_ numbers: [UInt64], _ directory: String, _ store: any FileStore)
    throws -> QueueIdentity?
  {
    var votes: [QueueIdentity: Int] = [:]
    for number in numbers {
      guard let file = try? store.open(segmentPath(directory, number)), let header = try SegmentReader.header(of: file)
      else { continue }
      votes[header.identity, default: 0] += 1
    }
    return votes.max { ($0.value, $0.key.bytes[0]) < ($1.value, $1.key.bytes[0]) }?.key
  }
}

extension SegmentLog {
  /// Makes sense of what was found. Reads the newest segment whole, and others only where damage demands it. It changes
  /// nothing that is there but the bookmark and files that are not ours, so it may itself be cut short and run again.
  func recover(_ found: Findings) throws {
    for number in found.numbers {
      guard let size = try store.size(of: path(number)) else { continue }
      segments.append(Segment(number: number, bytes: size))
    }
    position = counters.position
    end = counters.durable
    if let bookmark = found.bookmark { bookmarkFile.resume(slot: found.bookmarkSlot, bookmark: bookmark) }
    try recoverNewest()
    nextSegment = max(found.largestNumber, position.segment, counters.durable.segment) + 1
    let clean = found.bookmark?.closed ?? (segments.isEmpty && !found.bookmarkIsDamaged)
    nextSequence = max(end.sequence, position.sequence, ring.last?.sequence ?? 0) + 1 + (clean ? 0 : 1 << 20)
    if !clean { counters.uncleanStarts += 1 }
    if found.bookmark == nil { try beginAtOldest() }
    end.items = max(end.items, position.items)
    end.blocks = max(end.blocks, position.blocks)
    end.sequence = max(end.sequence, position.sequence)
    if found.bookmarkIsDamaged {
      statisticsSoFar.corruptRecords += 1
      statisticsSoFar.corruptBytes += UInt64(2 * Bookmark.slotBytes)
      log.error("queue bookmark is damaged; delivering again from the oldest block on disk", ("path", directory))
    }
    if !clean { log.warn("queue was not closed; recovered", ("path", directory), ("pending", "\(pendingItems)")) }
    for stored in ring { positions.merge(stored.block.positions) }
    _ = resume()
    // What is behind the damage may be delivered before the sources have come past it again: their positions must be
    // those of before it from now on.
    if positionsFellBack, !isDegraded, active == nil { try? createSegment() }
    try? persistBookmark()
    _ = try? releaseSegments()
  }

  /// Finds the end of the log and every source's position.
  private func recoverNewest() throws {
    var readers: [SegmentReader] = []
    var positionsAreComplete = false
    var chain = Chain()
    // More than one only if both checkpoints of the newest are damaged.
    for segment in segments.reversed() where !positionsAreComplete && readers.count < 4 {
      guard let file = try openOwn(segment) else {
        segments.removeAll { $0.number == segment.number }
        continue
      }
      let reader = SegmentReader(file, number: segment.number, identity: identity)
      if try SegmentReader.header(of: file) == nil, try reader.find(from: 0, to: segment.bytes) == nil {
        setAside(segment, "holds no record")
        segments.removeAll { $0.number == segment.number }
        continue
      }
      positionsAreComplete = try reader.checkpoint(to: segment.bytes) != nil
      readers.append(reader)
    }
    guard let newest = readers.first else { return }
    for reader in readers.reversed() {
      let size = segments.first { $0.number == reader.number }?.bytes ?? 0
      try scan(reader, size: size, isNewest: reader === newest, &chain)
    }
    guard chain.isBroken else { return }
    log.warn("queue is damaged where it was not delivered yet; sources read again from there", ("path", directory))
    positionsFellBack = true
  }

  /// Takes positions and counters from the records of one segment, up to where the log ends.
  ///
  /// The end is what was surely durable. Sound records behind it were the last to be written; they are in the kernel's
  /// memory if not on disk, and no sync by this process can tell: if one failed before, the next succeeds without
  /// having written anything. So they are kept in memory and written anew.
  private func scan(_ reader: SegmentReader, size: Int64, isNewest: Bool, _ chain: inout Chain) throws(SystemError) {
    let durable = isNewest ? min(try durableEnd(of: reader, size: size), size) : size
    var offset = SegmentHeader.bytes
    var isTorn = false
    while offset < size, let found = try reader.find(from: offset, to: size) {
      if found.skipped > 0, found.offset > durable { isTorn = true }
      offset = found.offset + found.record.totalBytes
      guard let body = try reader.body(of: found.record, at: found.offset) else {
        if offset > durable { isTorn = true }
        continue
      }
      if offset <= durable {
        chain.add(found.record, acknowledged: position.blocks)
        take(found.record, chain.isBroken ? [] : decodePositions(body, from: found.record.payloadBytes))
      } else if isTorn, found.record.positionBytes > 0 {
        // Its positions would vouch for what is missing before it.
        break
      } else if found.record.type == .block {
        chain.add(found.record, acknowledged: position.blocks)
        if ring.isEmpty {
          end.items = max(end.items, found.record.itemsBefore)
          end.blocks = max(end.blocks, found.record.blocksBefore)
        }
        var block = found.record.block(body: body)
        if chain.isBroken { block.positions = [] }
        keepInMemory(StoredBlock(sequence: found.record.sequence, block: block))
      }
    }
    guard isNewest else { return }
    if isTorn { log.warn("queue ends in a torn record", ("path", path(reader.number)), ("after_offset", "\(durable)")) }
    end.segment = reader.number
    end.offset = durable
    if let index = segments.firstIndex(where: { $0.number == reader.number }) { segments[index].end = durable }
  }

  /// Whether blocks are missing that were not acknowledged, as the counters of those that are there tell.
  private struct Chain {
    private var blocks: UInt64?
    private(set) var isBroken = false

    mutating func add(_ record: Record, acknowledged: UInt64) {
      if let blocks, record.positionBytes > 0, record.type == .block, record.blocksBefore > max(blocks, acknowledged) {
        isBroken = true
      }
      blocks = record.blocksThrough
    }
  }

  /// How much of the segment is known to have been durable, whatever it looks like now.
  private func durableEnd(of reader: SegmentReader, size: Int64) throws(SystemError) -> Int64 {
    var durable: Int64 = 0
    for known in [counters.durable, counters.position] where known.segment == reader.number {
      durable = max(durable, known.offset)
    }
    var offset = SegmentHeader.bytes
    while let found = try reader.find(from: offset, to: size) {
      offset = found.offset + found.record.totalBytes
      durable = max(durable, found.record.durable)
    }
    return durable
  }

  private func take(_ record: Record, _ found: [SourcePosition]) {
    end.sequence = max(end.sequence, record.sequence)
    end.items = max(end.items, record.itemsThrough)
    end.blocks = max(end.blocks, record.blocksThrough)
    if record.type == .block { newestMaxTimestamp = max(newestMaxTimestamp, record.maxTimestamp) }
    positions.merge(found)
  }

  /// Without a bookmark everything on disk is delivered, perhaps again; what is gone must have been delivered.
  private func beginAtOldest() throws {
    position = LogPosition()
    var cursor = position
    var damage = Damage()
    if let record = try step(&cursor, &damage) {
      position.items = record.itemsBefore
      position.blocks = record.blocksBefore
      position.sequence = record.sequence &- 1
    } else {
      position = end
    }
    counters.acknowledged = position.items
  }
}
