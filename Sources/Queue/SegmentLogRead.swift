// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension SegmentLog {
  /// What was passed over on the way to a record.
  struct Damage {
    var stretches: UInt64 = 0
    var bytes: UInt64 = 0

    mutating func add(bytes more: Int64) {
      stretches += 1
      bytes += UInt64(max(0, more))
    }
  }

  /// The oldest blocks that are not accounted for: at least one if there is any, then as many as the bounds and
  /// sound, gapless records allow. The same again until they are acknowledged. One record is in memory at a time
  /// besides the result.
  func read(maxBlocks: Int, maxBytes: Int) throws(SystemError) -> [StoredBlock] {
    // Lines of a file whose name a power cut takes away are delivered again by their sources, with other times perhaps.
    if options.overflow == .pause { try makeNamesDurable() }
    var result: [StoredBlock] = []
    var bytes = 0
    var cursor = position
    var damage = Damage()
    while result.count < max(1, maxBlocks) {
      guard let record = try step(&cursor, &damage) else {
        guard result.isEmpty else { return result }
        var last = end
        (last.segment, last.offset) = (cursor.segment, cursor.offset)
        passOver(to: last, damage)
        // Nor are lines handed out that are in memory, on their way to the disk.
        return options.overflow == .pause ? [] : blocksInMemory(maxBlocks, maxBytes)
      }
      let gap = damage.stretches > 0 || record.itemsBefore != cursor.items
      if !result.isEmpty, gap || bytes + record.payloadBytes > maxBytes { return result }
      guard let body = try reader?.segment.body(of: record, at: cursor.offset) else {
        damage.add(bytes: record.totalBytes)
        cursor.offset += record.totalBytes
        continue
      }
      if gap {
        cursor.sequence = record.sequence &- 1
        cursor.items = max(cursor.items, record.itemsBefore)
        cursor.blocks = max(cursor.blocks, record.blocksBefore)
        passOver(to: cursor, damage)
        damage = Damage()
      }
      bytes += record.payloadBytes
      result.append(
        StoredBlock(
          sequence: record.sequence, block: record.block(body: body)))
      advance(&cursor, over: record)
    }
    return result
  }

  /// Accounts for everything up to `sequence`; at most `rejected` of its items count as refused, the others as taken.
  func acknowledge(through sequence: UInt64, rejected: Int) throws(SystemError) {
    var cursor = position
    var reached = position
    var damage = Damage()
    var lost: UInt64 = 0
    while let record = try step(&cursor, &damage), record.sequence <= sequence {
      lost += record.itemsBefore > cursor.items ? record.itemsBefore - cursor.items : 0
      advance(&cursor, over: record)
      reached = cursor
    }
    let passed = move(to: reached)
    lost = min(lost, passed)
    countDropped(lost, .damaged)
    var items = passed - lost
    while let oldest = ring.first, oldest.sequence <= sequence {
      items += UInt64(oldest.block.items)
      counters.outside += UInt64(oldest.block.items)
      positions.merge(oldest.block.positions)
      forgetOldestInMemory(1)
    }
    let refused = min(UInt64(max(0, rejected)), items)
    counters.rejected += refused
    counters.acknowledged += items - refused
  }

  /// Drops blocks from the old end while their newest item is older than `cutoff`.
  func expire(olderThan cutoff: Int64) throws(SystemError) {
    while segments.count > 1, let checkpoint = try checkpoint(of: segments[1]),
      checkpoint.previousSegment == segments[0].number, checkpoint.record.maxTimestamp < cutoff
    {
      try dropOldestSegment(.expired)
    }
    var cursor = position
    var reached = position
    var damage = Damage()
    while let record = try step(&cursor, &damage), record.maxTimestamp < cutoff {
      advance(&cursor, over: record)
      reached = cursor
    }
    if reached != position { countDropped(move(to: reached), .expired) }
    while let oldest = ring.first, oldest.block.maxTimestampMilliseconds < cutoff {
      counters.outside += UInt64(oldest.block.items)
      countDropped(UInt64(oldest.block.items), .expired)
      bookmarkIsBehind = true
      forgetOldestInMemory(1)
    }
  }

  /// The time of the oldest waiting item.
  func oldestTimestamp() -> Int64? {
    var cursor = position
    var damage = Damage()
    while let record = try? step(&cursor, &damage) {
      if record.items > 0 { return record.minTimestamp }
      advance(&cursor, over: record)
    }
    return ring.first { $0.block.items > 0 }?.block.minTimestampMilliseconds
  }

  // MARK: One step

  /// The next block's header, `cursor` then at its first byte but not yet past its counters; nil at the end.
  func step(_ cursor: inout LogPosition, _ damage: inout Damage) throws(SystemError) -> Record? {
    while let index = segments.firstIndex(where: { $0.number >= cursor.segment }) {
      let segment = segments[index]
      if segment.number > cursor.segment {
        cursor.segment = segment.number
        cursor.offset = SegmentHeader.bytes
      }
      guard let end = try openForReading(index) else {
        damage.add(bytes: segment.bytes)
        continue
      }
      if let record = try stepInSegment(&cursor, &damage, end) { return record }
      guard index + 1 < segments.count else { return nil }
      cursor.segment = segments[index + 1].number
      cursor.offset = SegmentHeader.bytes
    }
    return nil
  }

  private func stepInSegment(_ cursor: inout LogPosition, _ damage: inout Damage, _ end: Int64) throws(SystemError)
    -> Record?
  {
    while cursor.offset < end {
      guard let found = try reader?.segment.find(from: cursor.offset, to: end) else {
        damage.add(bytes: end - cursor.offset)
        cursor.offset = end
        return nil
      }
      if found.skipped > 0 { damage.add(bytes: found.skipped) }
      cursor.offset = found.offset
      if found.record.type == .block, found.record.sequence > cursor.sequence { return found.record }
      cursor.offset += found.record.totalBytes
    }
    return nil
  }

  func advance(_ cursor: inout LogPosition, over record: Record) {
    cursor.offset += record.totalBytes
    cursor.sequence = record.sequence
    cursor.items = record.itemsThrough
    cursor.blocks = record.blocksThrough
  }

  /// Accounts for damage at the position itself. Damage further on waits until the position is there, so that each is
  /// counted once.
  private func passOver(to cursor: LogPosition, _ damage: Damage) {
    guard damage.stretches > 0 || cursor.items != position.items else { return }
    let items = move(to: cursor)
    countDropped(items, .damaged)
    statisticsSoFar.corruptRecords += max(1, damage.stretches)
    statisticsSoFar.corruptBytes += damage.bytes
    log.error(
      "queue passed over damage", ("path", path(cursor.segment)), ("before_offset", "\(cursor.offset)"),
      ("bytes", "\(damage.bytes)"), ("items", "\(items)"))
  }

  private func blocksInMemory(_ maxBlocks: Int, _ maxBytes: Int) -> [StoredBlock] {
    var bytes = 0
    return Array(
      ring.prefix(max(1, maxBlocks)).enumerated().prefix { index, stored in
        bytes += stored.block.payload.count
        return index == 0 || bytes <= maxBytes
      }.map(\.element))
  }

  // MARK: Segments

  /// Lets `reader` read segment `index`, and returns where the segment ends; nil, and the segment is no longer one of
  /// ours, when its file is gone or set aside.
  func openForReading(_ index: Int) throws(SystemError) -> Int64? {
    let segment = segments[index]
    if let reader, reader.segment.number == segment.number { return reader.end }
    reader = nil
    guard let file = try openOwn(segment) else {
      segments.removeAll { $0.number == segment.number }
      return nil
    }
    let found = SegmentReader(file, number: segment.number, identity: identity)
    if segments[index].end == nil {
      var end = segment.bytes
      if index + 1 < segments.count, let next = try checkpoint(of: segments[index + 1]) {
        end = min(end, next.end(of: segment.number) ?? end)
      }
      segments[index].end = end
    }
    let end = segments[index].end ?? segment.bytes
    reader = (found, end)
    return end
  }

  func checkpoint(of segment: Segment) throws(SystemError) -> Checkpoint? {
    guard let file = try openOwn(segment) else { return nil }
    return try SegmentReader(file, number: segment.number, identity: identity).checkpoint(to: segment.bytes)
  }

  /// Opens a segment's file; nil when there is none, or it was not ours or not readable and is now set aside.
  func openOwn(_ segment: Segment) throws(SystemError) -> (any StoredFile)? {
    if let active, active.number == segment.number { return active.file }
    let file: any StoredFile
    do throws(SystemError) {
      file = try store.open(path(segment.number))
    } catch {
      if error.errno == SystemError.noEntry { return nil }
      guard error.meansUnreadable else { throw error }
      setAside(segment, "cannot be opened: \(error.reason)")
      return nil
    }
    let header = try SegmentReader.header(of: file)
    if let header, header.identity != identity || header.number != segment.number {
      setAside(segment, "belongs to another queue")
      return nil
    }
    return file
  }

  func setAside(_ segment: Segment, _ reason: String) {
    statisticsSoFar.filesSetAside += 1
    log.error("queue set a file aside", ("path", path(segment.number)), ("reason", reason))
    try? store.rename(path(segment.number), to: path(segment.number) + ".set-aside")
  }
}
