// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension SegmentLog {
  /// What a block takes on disk.
  static func recordBytes(of block: Block) -> Int64 {
    let positions = block.positions.reduce(0) { $0 + $1.source.count + $1.position.count + 8 }
    return Int64((Record.headerBytes + block.payload.count + positions + 7) & ~7)
  }

  /// Whether `.pause` may take `bytes` more. A queue with nothing waiting always may, so that no block is too large
  /// for a small bound.
  func hasRoom(for bytes: Int64) -> Bool { pendingBlocks == 0 || totalBytes + bytes <= options.maxBytes }

  /// Takes `blocks` and returns how many of them need no further care: durable or, for `.dropOldest`, kept in memory
  /// or counted as dropped. Fewer than all only when the disk fails and the overflow is `.pause`.
  func append(_ blocks: [Block]) -> Int {
    let stored = numbered(blocks)
    let rest = isDegraded || !ring.isEmpty ? stored[...] : commit(stored[...])
    guard options.overflow == .dropOldest else { return blocks.count - rest.count }
    for block in rest { keepInMemory(block) }
    return blocks.count
  }

  /// Tries the disk again after a failure; true when it takes blocks. What memory kept for it goes first, all of it in
  /// one new segment.
  func resume() -> Bool {
    if bookmarkFailure != nil { try? persistBookmark() }
    guard isDegraded || !ring.isEmpty else { return true }
    do throws(SystemError) {
      try noticeLoss()
      try checkFreeSpace(for: Int64(ringBytes))
      // The new segment ends the old one before what was found behind its end; what of that was dropped from memory
      // meanwhile must be counted for good by then.
      if bookmarkIsBehind { try persistBookmark() }
      try writeRing()
    } catch {
      fail(error)
      return false
    }
    recovered()
    return true
  }

  private func writeRing() throws(SystemError) {
    try createSegment(with: ring[...])
    forgetOldestInMemory(ring.count)
  }

  private func numbered(_ blocks: [Block]) -> [StoredBlock] {
    blocks.map {
      defer { nextSequence += 1 }
      return StoredBlock(sequence: nextSequence, block: $0)
    }
  }

  // MARK: To disk

  /// Makes `blocks` durable, in order; returns those that could not be.
  private func commit(_ blocks: ArraySlice<StoredBlock>) -> ArraySlice<StoredBlock> {
    var rest = blocks
    var failures = 0
    while !rest.isEmpty {
      do throws(SystemError) {
        try write(&rest)
        failures = 0
      } catch {
        // Once more, into a new segment: the old one may be all that is broken.
        abandonActive()
        failures += 1
        if failures == 2 || isDegraded {
          fail(error)
          return rest
        }
      }
    }
    if !blocks.isEmpty { recovered() }
    return rest
  }

  /// Writes as many of `blocks` as the segment takes, into a new one if it takes none, and syncs.
  private func write(_ blocks: inout ArraySlice<StoredBlock>) throws(SystemError) {
    guard let first = blocks.first else { return }
    let firstBytes = SegmentLog.recordBytes(of: first.block)
    try noticeLoss()
    if !ring.isEmpty { try writeRing() }
    try makeRoom(for: firstBytes)
    try checkFreeSpace(for: firstBytes)
    let group: ArraySlice<StoredBlock>
    if let active, active.isEmpty || active.offset + firstBytes <= segmentBytes {
      group = blocks.prefix(fitting(blocks, from: active.offset))
      try extend(active, with: group)
    } else {
      group = blocks.prefix(fitting(blocks, from: SegmentHeader.bytes))
      try createSegment(with: group)
    }
    blocks = blocks.dropFirst(group.count)
  }

  /// How many of `blocks` the segment takes behind `offset`; one at least, and not more than a buffer should hold.
  private func fitting(_ blocks: ArraySlice<StoredBlock>, from offset: Int64) -> Int {
    var bytes: Int64 = 0
    for (count, stored) in blocks.enumerated() {
      bytes += SegmentLog.recordBytes(of: stored.block)
      if count > 0, offset + bytes > segmentBytes || bytes > 2 << 20 { return count }
    }
    return blocks.count
  }

  private func extend(_ old: Active, with group: ArraySlice<StoredBlock>) throws(SystemError) {
    var active = old
    buffer.removeAll(keepingCapacity: true)
    let after = encode(group, segment: active.number, at: active.offset, durable: active.offset)
    try active.file.writeAll(buffer, at: active.offset)
    statisticsSoFar.syncs += 1
    try active.file.sync()
    let newest = active.isEmpty ? .min : newestMaxTimestamp
    active.offset = after.offset
    active.isEmpty = false
    finish(active, group, after: after, newest: newest)
  }

  /// Begins a new segment with checkpoints and `group`, all of it durable before the segment gets its name.
  func createSegment(with group: ArraySlice<StoredBlock> = []) throws(SystemError) {
    let number = nextSegment
    let temporary = path(number) + ".tmp"
    buffer = SegmentHeader(identity: identity, number: number).encode()
    encodeCheckpoints(segment: number, followedBy: group)
    let durable = Int64(buffer.count) + group.reduce(0) { $0 + SegmentLog.recordBytes(of: $1.block) }
    let after = encode(group, segment: number, at: Int64(buffer.count), durable: durable)
    do throws(SystemError) {
      try makeNamesDurable()
      let file = try store.openForWriting(temporary)
      try file.truncate(to: 0)
      try file.writeAll(buffer, at: 0)
      statisticsSoFar.syncs += 1
      try file.sync()
      nextSegment += 1
      try store.rename(temporary, to: path(number))
      try store.syncDirectory(directory)
      segments.append(Segment(number: number, bytes: after.offset, end: after.offset))
      let active = Active(file: file, number: number, offset: after.offset, isEmpty: group.isEmpty)
      finish(active, group, after: after, newest: .min)
    } catch {
      try? store.remove(temporary)
      if nextSegment > number { try? store.remove(path(number)) }
      throw error
    }
  }

  private func encodeCheckpoints(segment number: UInt64, followedBy group: ArraySlice<StoredBlock>) {
    let previous = segments.last
    let payload = Checkpoint.payload(previousSegment: previous?.number ?? 0, previousEnd: previous?.end ?? 0)
    let encoded = encodePositions(positions.all)
    var record = Record(
      type: .checkpoint, sequence: end.sequence, itemsThrough: end.items, blocksThrough: end.blocks,
      maxTimestamp: newestMaxTimestamp)
    (record.payloadBytes, record.positionBytes) = (payload.count, encoded.count)
    record.durable =
      SegmentHeader.bytes + 2 * record.totalBytes + group.reduce(0) { $0 + SegmentLog.recordBytes(of: $1.block) }
    for _ in 0..<2 {
      record.encode(payload: payload, positions: encoded, seed: identity.seed(segment: number), into: &buffer)
    }
  }

  /// Adds the records of `group` to `buffer`; returns where the log ends with them.
  private func encode(_ group: ArraySlice<StoredBlock>, segment: UInt64, at offset: Int64, durable: Int64)
    -> LogPosition
  {
    var after = end
    (after.segment, after.offset) = (segment, offset)
    let seed = identity.seed(segment: segment)
    for stored in group {
      after.sequence = stored.sequence
      after.items += UInt64(stored.block.items)
      after.blocks += 1
      var record = Record(
        blockKind: stored.block.kind, items: stored.block.items, sequence: stored.sequence, itemsThrough: after.items,
        blocksThrough: after.blocks, minTimestamp: stored.block.minTimestampMilliseconds,
        maxTimestamp: stored.block.maxTimestampMilliseconds, durable: durable)
      record.encode(
        payload: stored.block.payload, positions: encodePositions(stored.block.positions), seed: seed, into: &buffer)
      after.offset += record.totalBytes
    }
    return after
  }

  /// `group` is durable, in the newest segment.
  private func finish(_ active: Active, _ group: ArraySlice<StoredBlock>, after: LogPosition, newest: Int64) {
    self.active = active
    newestMaxTimestamp = group.reduce(newest) { max($0, $1.block.maxTimestampMilliseconds) }
    end = after
    segments[segments.count - 1].bytes = after.offset
    segments[segments.count - 1].end = after.offset
    if reader?.segment.number == active.number { reader?.end = after.offset }
    for stored in group { positions.merge(stored.block.positions) }
  }

  /// Leaves the active segment as it is up to what is durable; nothing more is written to it.
  private func abandonActive() {
    guard let active else { return }
    // Gives back space; what is cut off never counted.
    try? active.file.truncate(to: active.offset)
    self.active = nil
  }

  // MARK: Bounds

  /// Drops the oldest segments until `.dropOldest` has room for `bytes` more.
  private func makeRoom(for bytes: Int64) throws(SystemError) {
    guard options.overflow == .dropOldest else { return }
    while totalBytes + bytes > options.maxBytes, let oldest = segments.first {
      if segments.count == 1 {
        if let active, active.number == oldest.number, active.isEmpty { return }
        try createSegment()
      }
      try dropOldestSegment(.queueFull)
    }
  }

  /// Drops what waits in the oldest of at least two segments, and its file.
  func dropOldestSegment(_ reason: DropReason) throws(SystemError) {
    let next = segments[1]
    var target = LogPosition(
      segment: next.number, sequence: position.sequence, items: position.items, blocks: position.blocks)
    if let before = try checkpoint(of: next)?.record {
      target.sequence = before.sequence
      target.items = before.itemsThrough
      target.blocks = before.blocksThrough
    }
    if position.segment < next.number {
      let items = move(to: target)
      countDropped(items, reason)
      if items > 0 {
        log.error("queue dropped its oldest blocks", ("reason", "\(reason)"), ("items", "\(items)"))
      }
    }
    try releaseSegments()
  }

  private func checkFreeSpace(for bytes: Int64) throws(SystemError) {
    guard options.minFreeBytes > 0, try store.freeBytes(at: directory) < options.minFreeBytes + bytes else { return }
    throw SystemError("write", directory, errno: SystemError.noSpace)
  }

  /// Begins anew when someone removed the directory, or the file that is written, while the agent runs.
  private func noticeLoss() throws(SystemError) {
    if lock != nil {
      guard try store.size(of: active.map { path($0.number) } ?? directory) == nil else { return }
      try rescue()
    }
    lock = nil
    namesAreDurable = false
    try store.makeDirectory(directory)
    lock = try store.lock(directory)
    try persistBookmark()
  }

  /// Takes what waits in removed files into memory, to be written anew: a file that is open can still be read. What was
  /// in others is lost and counted.
  private func rescue() throws(SystemError) {
    let names = try namesInDirectory()
    let kept = Set(segments.map(\.number).filter { names.contains(lastComponent(of: path($0))) })
    var rescued: [StoredBlock] = []
    var before = end
    var cursor = position
    var damage = Damage()
    while let record = try step(&cursor, &damage) {
      if !kept.contains(cursor.segment) {
        if rescued.isEmpty { before.sequence = record.sequence &- 1 }
        if let body = try reader?.segment.body(of: record, at: cursor.offset) {
          rescued.append(StoredBlock(sequence: record.sequence, block: record.block(body: body)))
        }
      }
      advance(&cursor, over: record)
    }
    // The files that are still there are older than those that are not; what is in them waits on disk as before.
    before.items -= rescued.reduce(0) { $0 + UInt64($1.block.items) }
    before.blocks -= UInt64(rescued.count)
    end = before
    if kept.isEmpty { countDropped(move(to: end), .damaged) }
    segments.removeAll { !kept.contains($0.number) }
    active = nil
    reader = nil
    let later = ring
    (ring, ringItems, ringBytes) = ([], 0, 0)
    for block in rescued + later { keepInMemory(block) }
    statisticsSoFar.directoryLosses += 1
    log.error(
      "queue files were removed while in use; beginning anew", ("path", directory),
      ("rescued_items", "\(rescued.reduce(0) { $0 + $1.block.items })"))
  }

  private func namesInDirectory() throws(SystemError) -> [String] {
    do throws(SystemError) {
      return try store.list(directory)
    } catch {
      guard error.errno == SystemError.noEntry else { throw error }
      return []
    }
  }

  // MARK: When the disk fails

  private func fail(_ error: SystemError) {
    if writeFailure == nil {
      log.error(
        "queue cannot write to disk; "
          + (options.overflow == .pause ? "sources wait" : "the newest blocks are kept in memory"),
        ("err", "\(error)"))
    }
    writeFailure = error
  }

  private func recovered() {
    if writeFailure != nil { log.info("queue writes to disk again") }
    writeFailure = nil
  }

  /// Keeps the newest blocks within the bound, and counts those that go. With `.pause` all are kept: they are few.
  func keepInMemory(_ block: StoredBlock) {
    ring.append(block)
    ringItems += UInt64(block.block.items)
    ringBytes += block.block.payload.count
    guard options.overflow == .dropOldest else { return }
    while ringBytes > options.memoryRingBytes || ring.count > 10_000, let oldest = ring.first {
      counters.outside += UInt64(oldest.block.items)
      countDropped(UInt64(oldest.block.items), .memoryFull)
      bookmarkIsBehind = true
      forgetOldestInMemory(1)
    }
  }

  /// Takes the oldest `count` blocks out of memory; whoever calls has accounted for them.
  func forgetOldestInMemory(_ count: Int) {
    for stored in ring.prefix(count) {
      ringItems -= UInt64(stored.block.items)
      ringBytes -= stored.block.payload.count
    }
    ring.removeFirst(count)
  }
}

func lastComponent(of path: String) -> String { String(path.split(separator: "/").last ?? "") }
