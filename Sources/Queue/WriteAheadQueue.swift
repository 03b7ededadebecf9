// SPDX-License-Identifier: Apache-2.0

public import Linux

/// Blocks of encoded telemetry for one destination, in order, kept on disk until the hub has them.
///
/// `append` returns once the blocks would survive a power cut; `acknowledge` forgets everything up to a block. A block
/// read but not acknowledged is read again, also after a restart, so the hub may see it twice and never zero times.
/// Nothing that is wrong with the disk is ever thrown at the caller after `init`: with `.pause`, `append` waits until
/// the disk takes blocks again; with `.dropOldest`, the newest are kept in memory (and handed out from there), the
/// rest counted.
///
/// What is on disk, and why it holds, is described at ``SegmentLog``.
public actor WriteAheadQueue {
  private struct Appending {
    var ticket: UInt64
    var blocks: ArraySlice<Block>
    var bytes: Int64
    var done: CheckedContinuation<Void, any Error>
  }

  private struct Reading {
    var ticket: UInt64
    var arrived: CheckedContinuation<Void, Never>
  }

  private let thread = BlockingThread(name: "queue")
  /// The queue's own thread: it blocks on the disk.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  private let segmentLog: SegmentLog
  private let options: QueueOptions
  private let log: Log
  private var lastTicket: UInt64 = 0
  private var appending: [Appending] = []  // oldest first
  private var reading: [Reading] = []
  private var commitIsDue = false
  private var retryIsDue = false
  private var bookmarkIsDue = false
  private var isClosed = false
  private var syncSeconds = 0.0
  private let recoverySeconds: Double

  /// Opens the queue at `directory`, making it when there is none and recovering it when there is, in the time it
  /// takes to read one segment. Blocks. Throws ``QueueError/inUse(path:)`` while another has it open.
  public init(directory: String, options: QueueOptions, store: any FileStore = LinuxFileStore(), log: Log) throws {
    let start = monotonicNanoseconds()
    segmentLog = try SegmentLog(directory: directory, options: options, store: store, log: log)
    recoverySeconds = Double(monotonicNanoseconds() - start) / 1e9
    self.options = options
    self.log = log
  }

  // MARK: In

  /// Returns once `blocks` are durable, all of them, in order. Calls made while a sync runs share the next one.
  ///
  /// With `.pause` it waits for room and for the disk. When cancelled meanwhile it throws, and some of the blocks, from
  /// the first on, may have been taken; ``newestPosition(of:)`` tells. With `.dropOldest` it never waits longer than the
  /// disk does, and returns too when the disk failed and the blocks are kept in memory instead.
  public func append(_ blocks: [Block]) async throws {
    guard !isClosed else { throw QueueError.closed }
    var bytes: Int64 = 0
    for block in blocks { bytes += try recordBytes(of: block) }
    guard !blocks.isEmpty else { return }
    let ticket = nextTicket()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { done in
        appending.append(Appending(ticket: ticket, blocks: blocks[...], bytes: bytes, done: done))
        commitSoon()
      }
    } onCancel: {
      Task { await self.cancelAppend(ticket) }
    }
  }

  private func recordBytes(of block: Block) throws -> Int64 {
    let positions = block.positions.reduce(0) { $0 + $1.source.count + $1.position.count + 8 }
    guard block.payload.count <= Block.maximumPayloadBytes, positions <= Block.maximumPositionBytes,
      UInt32(exactly: block.items) != nil
    else { throw QueueError.blockTooLarge(bytes: block.payload.count + positions) }
    return SegmentLog.recordBytes(of: block)
  }

  private func cancelAppend(_ ticket: UInt64) {
    guard let index = appending.firstIndex(where: { $0.ticket == ticket }) else { return }
    appending.remove(at: index).done.resume(throwing: CancellationError())
    commitSoon()
  }

  /// Commits after what is already in the actor's inbox, so that every append waiting there shares the sync.
  private func commitSoon() {
    guard !commitIsDue, !appending.isEmpty, !isClosed else { return }
    commitIsDue = true
    Task {
      commitIsDue = false
      commit()
    }
  }

  private func commit() {
    expireByAge()
    while !appending.isEmpty {
      if segmentLog.isDegraded, options.overflow == .pause { break }
      let group = nextGroup()
      guard group > 0 else { break }
      let start = monotonicNanoseconds()
      let taken = segmentLog.append(appending[..<group].flatMap(\.blocks))
      syncSeconds += Double(monotonicNanoseconds() - start) / 1e9
      finishAppending(taken)
    }
    followUp()
    wakeReaders()
  }

  /// How many of the waiting appends fit, from the oldest on.
  private func nextGroup() -> Int {
    var bytes: Int64 = 0
    var count = 0
    for waiting in appending {
      bytes += waiting.bytes
      let fits =
        options.overflow == .dropOldest || segmentLog.hasRoom(for: bytes) && (count == 0 || bytes <= options.maxBytes)
      guard fits, count == 0 || bytes <= 8 << 20 else { break }
      count += 1
    }
    return count
  }

  private func finishAppending(_ taken: Int) {
    var taken = taken
    while taken > 0, let first = appending.first {
      if first.blocks.count > taken {
        appending[0].blocks = first.blocks.dropFirst(taken)
        appending[0].bytes = appending[0].blocks.reduce(0) { $0 + SegmentLog.recordBytes(of: $1) }
        return
      }
      taken -= first.blocks.count
      appending.removeFirst().done.resume()
    }
  }

  // MARK: Out

  /// The oldest blocks not yet acknowledged: at least one, at most `maxBlocks`, and no second one beyond `maxBytes` of
  /// payload. Waits until there is one. The same ones again until they are acknowledged.
  public func next(maxBlocks: Int, maxBytes: Int) async throws -> [StoredBlock] {
    var isFailing = false
    while true {
      try Task.checkCancellation()
      guard !isClosed else { throw QueueError.closed }
      expireByAge()
      do throws(SystemError) {
        let blocks = try segmentLog.read(maxBlocks: maxBlocks, maxBytes: maxBytes)
        followUp()
        if !blocks.isEmpty { return blocks }
      } catch {
        if !isFailing { log.error("queue cannot be read; trying again", ("err", "\(error)")) }
        isFailing = true
        try await Task.sleep(for: options.retryInterval)
        continue
      }
      await arrival()
    }
  }

  private func arrival() async {
    let ticket = nextTicket()
    await withTaskCancellationHandler {
      await withCheckedContinuation { reading.append(Reading(ticket: ticket, arrived: $0)) }
    } onCancel: {
      Task { await self.cancelNext(ticket) }
    }
  }

  private func cancelNext(_ ticket: UInt64) {
    guard let index = reading.firstIndex(where: { $0.ticket == ticket }) else { return }
    reading.remove(at: index).arrived.resume()
  }

  private func wakeReaders() {
    guard isClosed || segmentLog.pendingBlocks > 0 || segmentLog.pendingItems > 0 else { return }
    let waiting = reading
    reading = []
    for reader in waiting { reader.arrived.resume() }
  }

  /// Forgets every block up to `sequence`: the hub has `delivered` of their items and refused `rejected` for good.
  ///
  /// What counts is what the blocks hold: `rejected` of it as rejected, all else as acknowledged, so that the sum is
  /// right whatever the caller counted. Acknowledging again, or less than before, does nothing. It is durable a second
  /// later at most; a crash before that means blocks are delivered again.
  public func acknowledge(through sequence: UInt64, delivered: Int, rejected: Int) async throws {
    guard !isClosed else { throw QueueError.closed }
    try segmentLog.acknowledge(through: sequence, rejected: rejected)
    release()
    followUp()
  }

  /// Drops blocks from the old end whose newest item is older than `timestampMilliseconds`, and counts them.
  public func expire(olderThan timestampMilliseconds: Int64) async {
    guard !isClosed else { return }
    try? segmentLog.expire(olderThan: timestampMilliseconds)
    release()
    followUp()
  }

  private func expireByAge() {
    guard let age = options.maxAge else { return }
    try? segmentLog.expire(olderThan: wallClockMilliseconds() - age.components.seconds * 1000)
    _ = try? segmentLog.releaseSegments()
  }

  /// Gives segments back to the disk, which may be what someone waits for.
  private func release() {
    let released = (try? segmentLog.releaseSegments()) == true
    if released, segmentLog.isDegraded { retry() }
    commitSoon()
  }

  // MARK: State

  /// Where `source` had got to in the newest durable block that says so; nil when the queue does not know it.
  public func newestPosition(of source: [UInt8]) -> [UInt8]? { segmentLog.positions[source] }

  /// The same for all sources whose names begin with `prefix`, by name.
  public func positions(withPrefix prefix: [UInt8]) -> [[UInt8]: [UInt8]] { segmentLog.positions.withPrefix(prefix) }

  /// Everything counted.
  public var statistics: QueueStatistics {
    var statistics = segmentLog.statistics
    statistics.syncSeconds = syncSeconds
    statistics.recoverySeconds = recoverySeconds
    return statistics
  }

  /// Makes everything durable, says goodbye on disk and lets go of the directory. What waits is thrown
  /// ``QueueError/closed``.
  public func close() async {
    guard !isClosed else { return }
    commit()
    isClosed = true
    segmentLog.close()
    for waiting in appending { waiting.done.resume(throwing: QueueError.closed) }
    appending = []
    wakeReaders()
  }

  // MARK: Later

  private func nextTicket() -> UInt64 {
    lastTicket += 1
    return lastTicket
  }

  /// Sets the timers that are needed; an idle queue has none.
  private func followUp() {
    guard !isClosed else { return }
    if segmentLog.bookmarkIsBehind, !bookmarkIsDue {
      bookmarkIsDue = true
      Task { [weak self] in
        try? await Task.sleep(for: .seconds(1))
        await self?.persistBookmark()
      }
    }
    if segmentLog.isDegraded, !retryIsDue {
      retryIsDue = true
      Task { [weak self, interval = options.retryInterval] in
        try? await Task.sleep(for: interval)
        await self?.retryAfterWaiting()
      }
    }
  }

  private func persistBookmark() {
    bookmarkIsDue = false
    guard !isClosed else { return }
    try? segmentLog.persistBookmark()
    release()
    followUp()
  }

  private func retryAfterWaiting() {
    retryIsDue = false
    guard !isClosed else { return }
    retry()
    followUp()
  }

  private func retry() {
    guard segmentLog.resume() else { return }
    commitSoon()
    wakeReaders()
  }
}
