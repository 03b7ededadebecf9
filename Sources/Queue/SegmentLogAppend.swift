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

  /// Tries the disk again after a failure; true when it takes blocks. What memory kept for it is written first.
  func resume() -> Bool {
    if bookmarkFailure != nil { try? persistBookmark() }
    guard isDegraded || !ring.isEmpty else { return true }
    let waiting = ring
    let rest = commit(waiting[...])
    forgetOldestInMemory(waiting.count - rest.count)
    if !rest.isEmpty { return false }
    guard isDegraded else { return true }
    do throws(SystemError) {
      try checkFreeSpace(for: 0)
      try createSegment()
      recovered()
      return true
    } catch {
      fail(error)
      return false
    }
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

  /// Writes as many of `blocks` as the segment takes, and syncs.
  private func write(_ blocks: inout ArraySlice<StoredBlock>) throws(SystemError) {
    guard let first = blocks.first else { return }
    let firstBytes = SegmentLog.recordBytes(of: first.block)
    try noticeLoss()
    try makeRoom(for: firstBytes)
    try checkFreeSpace(for: firstBytes)
    if active == nil || (active?.offset ?? 0) + firstBytes > segmentBytes && active?.isEmpty == false {
      try createSegment()
    }
    guard var active else { return }
    var after = end
    var newest = active.isEmpty ? .min : newestMaxTimestamp
    let start = active.offset
    var offset = start
    var written = blocks.startIndex
    buffer.removeAll(keepingCapacity: buffer.capacity <= 256 << 10)
    var bufferOffset = offset
    while written < blocks.endIndex {
      let stored = blocks[written]
      let bytes = SegmentLog.recordBytes(of: stored.block)
      guard written == blocks.startIndex || offset + bytes <= segmentBytes, offset - start < 4 << 20 else { break }
      encode(stored, durable: start, counting: &after)
      newest = max(newest, stored.block.maxTimestampMilliseconds)
      offset += bytes
      written += 1
      if buffer.count >= 256 << 10 {
        try active.file.writeAll(buffer, at: bufferOffset)
        bufferOffset = offset
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
      }
    }
    try active.file.writeAll(buffer, at: bufferOffset)
    statisticsSoFar.syncs += 1
    try active.file.sync()

    active.offset = offset
    active.isEmpty = false
    self.active = active
    newestMaxTimestamp = newest
    after.segment = active.number
    after.offset = offset
    end = after
    segments[segments.count - 1].bytes = offset
    segments[segments.count - 1].end = offset
    if reader?.segment.number == active.number { reader?.end = offset }
    for stored in blocks[..<written] { positions.merge(stored.block.positions) }
    blocks = blocks[written...]
  }

  private func encode(_ stored: StoredBlock, durable: Int64, counting after: inout LogPosition) {
    after.sequence = stored.sequence
    after.items += UInt64(stored.block.items)
    after.blocks += 1
    var record = Record(
      blockKind: stored.block.kind, items: stored.block.items, sequence: stored.sequence, itemsThrough: after.items,
      blocksThrough: after.blocks, minTimestamp: stored.block.minTimestampMilliseconds,
      maxTimestamp: stored.block.maxTimestampMilliseconds, durable: durable)
    record.encode(
      payload: stored.block.payload, positions: encodePositions(stored.block.positions),
      seed: identity.seed(segment: active?.number ?? 0), into: &buffer)
  }

  /// Begins a new segment, durable with its checkpoints before it takes a block.
  private func createSegment() throws(SystemError) {
    let number = nextSegment
    let temporary = path(number) + ".tmp"
    var bytes = SegmentHeader(identity: identity, number: number).encode()
    let previous = segments.last
    for _ in 0..<2 {
      var record = Record(
        type: .checkpoint, sequence: end.sequence, itemsThrough: end.items, blocksThrough: end.blocks,
        maxTimestamp: newestMaxTimestamp, durable: 0)
      record.encode(
        payload: Checkpoint.payload(previousSegment: previous?.number ?? 0, previousEnd: previous?.end ?? 0),
        positions: encodePositions(positions.all), seed: identity.seed(segment: number), into: &bytes)
    }
    do throws(SystemError) {
      let file = try store.openForWriting(temporary)
      try file.truncate(to: 0)
      try file.writeAll(bytes, at: 0)
      statisticsSoFar.syncs += 1
      try file.sync()
      nextSegment += 1
      try store.rename(temporary, to: path(number))
      try store.syncDirectory(directory)
      let size = Int64(bytes.count)
      active = Active(file: file, number: number, offset: size)
      segments.append(Segment(number: number, bytes: size, end: size))
      end.segment = number
      end.offset = size
    } catch {
      try? store.remove(temporary)
      if nextSegment > number { try? store.remove(path(number)) }
      throw error
    }
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
    guard try store.size(of: active.map { path($0.number) } ?? directory) == nil else { return }
    statisticsSoFar.directoryLosses += 1
    log.error("queue files were removed while in use; beginning anew", ("path", directory))
    active = nil
    reader = nil
    lock = nil
    try store.makeDirectory(directory)
    lock = try store.lock(directory)
    let names = try store.list(directory)
    segments.removeAll { !names.contains(lastComponent(of: path($0.number))) }
    try persistBookmark()
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

  /// Keeps the newest blocks within the bound, and counts those that go.
  func keepInMemory(_ block: StoredBlock) {
    ring.append(block)
    ringItems += UInt64(block.block.items)
    ringBytes += block.block.payload.count
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
