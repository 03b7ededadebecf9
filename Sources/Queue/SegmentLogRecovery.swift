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

  init(directory: String, store: any FileStore, log: Log, removingUnfinished: Bool = true) throws {
    for name in try store.list(directory) {
      if name.hasSuffix(".tmp"), removingUnfinished { try? store.remove("\(directory)/\(name)") }
      guard let number = UInt64(name.prefix(16), radix: 16), name.utf8.count >= 20 else { continue }
      largestNumber = max(largestNumber, number)
      if name.utf8.count == 20, name.hasSuffix(".seg"), number > 0, number < .max >> 1 { numbers.append(number) }
    }
    numbers.sort()
    let (exists, slots) = BookmarkFile.read(store: store, directory: directory)
    if let newest = BookmarkFile.newest(of: slots) {
      bookmark = newest.bookmark
      bookmarkSlot = newest.slot
      identity = newest.bookmark.identity
    } else {
      bookmarkIsDamaged = exists
      identity = Findings.mostCommonIdentity(numbers, directory, store)
    }
  }

  /// Without a bookmark the segments say whose they are; one that strayed in does not outvote the others.
  private static func mostCommonIdentity(_ numbers: [UInt64], _ directory: String, _ store: any FileStore)
    -> QueueIdentity?
  {
    var votes: [QueueIdentity: Int] = [:]
    for number in numbers {
      guard let file = try? store.open(segmentPath(directory, number)), let header = SegmentReader.header(of: file) else { continue }
      votes[header.identity, default: 0] += 1
    }
    return votes.max { ($0.value, $0.key.bytes[0]) < ($1.value, $1.key.bytes[0]) }?.key
  }
}

extension SegmentLog {
  /// Makes sense of what was found. Reads the newest segment whole, and headers of others only where damage demands it;
  /// changes nothing but the bookmark and files that are not ours, so it may itself be cut short and run again.
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
    nextSequence = max(end.sequence, position.sequence, unprovenSequence) + 1 + (clean ? 0 : 1 << 20)
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
    try? persistBookmark()
    _ = try? releaseSegments()
  }

  /// Finds the end of the log and every source's position.
  private func recoverNewest() throws {
    var readers: [SegmentReader] = []
    var positionsAreComplete = false
    // More than one only if both checkpoints of the newest are damaged.
    for segment in segments.reversed() where !positionsAreComplete && readers.count < 4 {
      guard let file = try openOwn(segment) else {
        segments.removeAll { $0.number == segment.number }
        continue
      }
      let reader = SegmentReader(file, number: segment.number, identity: identity)
      if SegmentReader.header(of: file) == nil, reader.find(from: 0, to: segment.bytes) == nil {
        setAside(segment, "holds no record")
        segments.removeAll { $0.number == segment.number }
        continue
      }
      positionsAreComplete = reader.checkpoint(to: segment.bytes) != nil
      readers.append(reader)
    }
    guard let newest = readers.first else { return }
    // What a killed process left in the page cache must be durable before anyone is told of it.
    let isDurable = makeDurable(newest.number)
    for reader in readers.reversed() {
      let size = segments.first { $0.number == reader.number }?.bytes ?? 0
      scan(reader, size: size, isNewest: reader === newest, isDurable: isDurable)
    }
  }

  private func makeDurable(_ number: UInt64) -> Bool {
    do throws(SystemError) {
      try store.open(path(number)).sync()
      try store.syncDirectory(directory)
      return true
    } catch {
      log.error("queue cannot make durable what it found", ("err", "\(error)"))
      writeFailure = error
      return false
    }
  }

  /// Takes positions and counters from the records of one segment, up to where the log ends.
  private func scan(_ reader: SegmentReader, size: Int64, isNewest: Bool, isDurable: Bool) {
    let durable = isNewest ? durableEnd(of: reader, size: size) : size
    var sealed = min(durable, size)
    var offset = SegmentHeader.bytes
    var tornBefore = false
    while offset < size {
      guard let found = reader.find(from: offset, to: size) else { break }
      if found.skipped > 0, found.offset > durable { tornBefore = true }
      offset = found.offset + found.record.totalBytes
      guard let body = reader.body(of: found.record, at: found.offset) else {
        if offset > durable { tornBefore = true }
        continue
      }
      if tornBefore, found.record.positionBytes > 0 { break }
      let positions = decodePositions(body, from: found.record.payloadBytes)
      if isNewest, !isDurable, offset > durable {
        // The disk will not say that it has this. Sources read it again; what has no source is written again.
        keepUnproven(found.record, body)
        continue
      }
      sealed = max(sealed, offset)
      take(found.record, positions)
    }
    guard isNewest else { return }
    if sealed < size {
      log.warn("queue ends in a torn record", ("path", path(reader.number)), ("bytes", "\(size - sealed)"))
    }
    end.segment = reader.number
    end.offset = sealed
    if let index = segments.firstIndex(where: { $0.number == reader.number }) { segments[index].end = sealed }
  }

  private func keepUnproven(_ record: Record, _ body: [UInt8]) {
    unprovenSequence = max(unprovenSequence, record.sequence)
    guard options.overflow == .dropOldest, record.type == .block else { return }
    keepInMemory(StoredBlock(sequence: record.sequence, block: record.block(body: body)))
  }

  /// How much of the segment is known to have been durable, whatever it looks like now.
  private func durableEnd(of reader: SegmentReader, size: Int64) -> Int64 {
    var durable: Int64 = 0
    for known in [counters.durable, counters.position] where known.segment == reader.number {
      durable = max(durable, known.offset)
    }
    var offset = SegmentHeader.bytes
    while let found = reader.find(from: offset, to: size) {
      offset = found.offset + found.record.totalBytes
      // A segment got its name after its checkpoints were durable.
      durable = max(durable, found.record.type == .checkpoint ? offset : found.record.durable)
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
