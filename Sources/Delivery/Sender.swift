// SPDX-License-Identifier: Apache-2.0

public import HTTP
public import Linux
public import Queue
internal import Telemetry

/// Empties a queue into an endpoint, oldest block first, one request at a time, for as long as it runs.
///
/// What waits is merged when more than one block does; lines go stream by stream then (see `deliverStreams`). A block is acknowledged to the queue when the hub has all of it
/// or has refused by itself what it does not want, never before. Nothing is given up because of time or tries; that is
/// the queue's to decide, by its bounds.
public actor Sender {
  /// What has happened so far.
  public private(set) var statistics = DeliveryStatistics()

  let endpoint: Endpoint
  private let queue: WriteAheadQueue
  let client: HTTPClient
  let options: SenderOptions
  private let onVerdict: @Sendable (String?) -> Void
  private var journal: SenderJournal

  var policy: RetryPolicy
  var pacing = Pacing()
  private var bytesAtTrim = 0
  private var trimIsDue = false
  var together = TokenBucket(rate: 1_000_000, burst: 1_000_000)  // bytes of pushes with several streams
  private var skew = ClockSkew()
  private var attempts = 0  // of the request at hand
  var mergeBytes: Int  // shrinks when the hub finds merged requests too large
  private var storedThrough: UInt64?  // blocks up to here may have reached the hub without our being told
  private var inheritedBlocks: UInt64?  // left of those that waited at the start; they may have been delivered before
  private var pause: Task<Void, Never>?

  /// A sender that does nothing until it is run.
  ///
  /// `onVerdict` is told why the endpoint is wrong each time it is found to be, and nil when the hub judges the data
  /// instead; that the hub is away says nothing of either.
  public init(
    endpoint: Endpoint, queue: WriteAheadQueue, client: HTTPClient, options: SenderOptions, log: Log,
    onVerdict: @escaping @Sendable (String?) -> Void = { _ in }
  ) {
    self.onVerdict = onVerdict
    self.endpoint = endpoint
    self.queue = queue
    self.client = client
    self.options = options
    journal = SenderJournal(log: log, url: "\(endpoint.url)", dialect: endpoint.dialect)
    policy = RetryPolicy(endpoint.dialect, limits: options.limits)
    mergeBytes = options.maxRequestBytes
  }

  /// Delivers until the task is cancelled or the queue closed.
  ///
  /// A request in flight is then given `SenderOptions.grace` to be answered; what is not answered stays in the queue.
  public func run() async {
    while !Task.isCancelled {
      do {
        try await deliverNext()
      } catch is CancellationError {
        return
      } catch QueueError.closed {
        return
      } catch {
        // What is wrong with the disk is the queue's to tell; it will not be better at once.
        journal.queueFailed(error, now: monotonicNanoseconds())
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Ends a wait between attempts: the network has changed, or somebody fixed the hub.
  public func retryNow() { pause?.cancel() }

  /// Waits until nothing is pending, while the hub takes what it is sent and for `limit` at most; true when nothing is.
  ///
  /// For an orderly stop: `run` goes on meanwhile, and is cancelled afterwards.
  public func flush(within limit: Duration) async -> Bool {
    let deadline = ContinuousClock.now + limit
    let failures = statistics.failedRequests
    retryNow()
    while await queue.statistics.pending > 0 {
      guard ContinuousClock.now < deadline, statistics.failedRequests == failures, !Task.isCancelled else {
        return false
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return true
  }

  // MARK: One shipment

  private func deliverNext() async throws {
    if inheritedBlocks == nil { inheritedBlocks = await queue.statistics.blocks }
    if let limit = options.sampleAgeLimit, limit > .zero {
      await queue.expire(olderThan: wallClockMilliseconds() - limit.components.seconds * 1000)
    }
    trimWhenQuiet()
    let waiting = try await queue.next(maxBlocks: options.maxBlocksPerRequest, maxBytes: mergeBytes)
    try Task.checkCancellation()
    let empty = waiting.prefix(while: \.block.isEmpty).count
    guard empty == 0 else { return try await letGo(empty, of: waiting) }
    guard endpoint.dialect == .remoteWrite else { return try await deliverStreams(waiting) }
    let count = mergeable(apart(waiting), maxItems: options.maxSamplesPerSend, maxBytes: mergeBytes)
    guard count > 0 else { return try await wait(.milliseconds(100)) }
    try await deliver(Array(waiting[..<count]))
  }

  /// Gives back what large buffers have left in the allocator, once little was sent for two seconds: while a backlog is
  /// delivered they would only be mapped again.
  private func trimWhenQuiet() {
    guard !trimIsDue, statistics.sentBytes - bytesAtTrim > 256 << 10 else { return }
    trimIsDue = true
    Task { [weak self, sent = statistics.sentBytes] in
      try? await Task.sleep(for: .seconds(2))
      await self?.trim(since: sent)
    }
  }

  private func trim(since sent: Int) {
    trimIsDue = false
    guard statistics.sentBytes - sent < 256 << 10 else { return trimWhenQuiet() }
    bytesAtTrim = statistics.sentBytes
    trimAllocator()
  }

  /// Acknowledges blocks that only say where sources stand, which the queue has remembered.
  private func letGo(_ count: Int, of blocks: [StoredBlock]) async throws {
    var acknowledged = 0
    try await acknowledge(count, Array(repeating: Shipment.Tally(), count: count), blocks, &acknowledged)
  }

  /// The first blocks without those that come after the ones the hub may have: if it has them, it refuses a request of
  /// both as a whole.
  private func apart(_ blocks: [StoredBlock]) -> [StoredBlock] {
    guard let storedThrough, let first = blocks.first, first.sequence <= storedThrough else { return blocks }
    return Array(blocks.prefix { $0.sequence <= storedThrough })
  }

  private func deliver(_ blocks: [StoredBlock]) async throws {
    var shipment = Shipment(samples: blocks.map(\.block.items))
    var acknowledged = 0
    while let piece = shipment.next {
      try Task.checkCancellation()
      guard let body = piece.body(of: blocks) else {
        _ = shipment.unmerge()
        continue
      }
      let attempt = await client.attempt(body, to: endpoint, number: attempts, grace: options.grace)
      if attempt.wasCancelled { throw CancellationError() }
      let action = policy.next(after: attempt.outcome, random: .random(in: 0..<1))
      note(attempt, bytes: body.count)
      if attempt.mayBeStored { markStored(piece, blocks) }
      if let wait = trouble(action, attempt, samples: shipment.nextSamples) {
        try await self.wait(wait)
        // Read again, so that what the queue had to let go meanwhile is not sent and counted twice.
        if shipment.isUntouched { return }
        continue
      }
      attempts = 0
      settle(&shipment, action, attempt, body, blocks)
      try await acknowledge(shipment.blocksDone, shipment.tallies, blocks, &acknowledged)
    }
  }

  /// What to do with a piece the hub has given its verdict on.
  private func settle(
    _ shipment: inout Shipment, _ action: RetryPolicy.Action, _ attempt: Attempt, _ body: [UInt8],
    _ blocks: [StoredBlock]
  ) {
    guard let piece = shipment.next else { return }
    let open = { (block: Int) in
      let payload = blocks[block].block.payload
      return uncompressed(payload.span)
    }
    switch action {
    case .acknowledge:
      let newest = blocks[piece.blocks].map(\.block.maxTimestampMilliseconds).max() ?? .min
      countSent(samples: shipment.nextSamples, bytes: body.count, newest: newest)
      shipment.settle(.delivered)
    case .divide:
      if shipment.unmerge() || shipment.halve(open: open) { return }
      refuse(&shipment, RefusalReason(body: attempt.text), attempt, bytes: body.count, blocks)
    case .halve:
      if piece.blocks.count > 1 { mergeBytes = max(16 << 10, uncompressedLength(body) / 2) }
      if shipment.halve(open: open) { return }
      refuse(&shipment, .tooLarge, attempt, bytes: body.count, blocks)
    case .reject(let reason):
      refuse(&shipment, reason, attempt, bytes: body.count, blocks)
    case .retry, .hold, .acknowledgePartly: preconditionFailure("BUG: a verdict that is none")
    }
  }

  /// Counts what stands alone and is not wanted. What may have come before is taken to have come.
  private func refuse(
    _ shipment: inout Shipment, _ reason: RefusalReason, _ attempt: Attempt, bytes: Int, _ blocks: [StoredBlock]
  ) {
    guard let piece = shipment.next else { return }
    let samples = shipment.nextSamples
    if reason.mayMeanAlreadyThere, mayBeOvertaken(blocks[piece.blocks.upperBound - 1]) {
      statistics.replayedSamples += samples
      shipment.settle(.replayed)
      settleReplay(&shipment, blocks, piece.blocks.lowerBound)
    } else {
      countRejected(samples, bytes: bytes, reason, attempt.text)
      shipment.settle(.rejected(reason))
      let index = piece.blocks.lowerBound
      if isHopeless(blocks[index].block, shipment.tallies[index], reason) {
        countRejected(shipment.settleRest(of: index, as: .rejected(reason)), bytes: 0, reason, attempt.text)
      }
    }
  }

  /// Spares the hub the rest of a block it turns out to have: five samples of five, from different parts of the block,
  /// are there already, and what a hub takes of a request it takes as a whole.
  ///
  /// Without this, one lost answer to a merged backlog is followed by two requests for each of its samples. It errs only
  /// where the hub has newer samples of nearly all these series from another sender.
  private func settleReplay(_ shipment: inout Shipment, _ blocks: [StoredBlock], _ index: Int) {
    guard blocks[index].block.isOfOneTime else { return }
    let tally = shipment.tallies[index]
    if tally.replayed >= 5, tally.delivered == 0, tally.rejectedInAll == 0 {
      statistics.replayedSamples += shipment.settleRest(of: index, as: .replayed)
    } else {
      shipment.lookElsewhere(in: index)
    }
  }

  /// Whether the rest of a block will be refused like what was refused of it: all of one time, beyond the times the hub
  /// takes, and three of its samples out of three say so.
  ///
  /// Without this, a hub with no out-of-order window would be asked about every single sample of a backlog it will not
  /// take, twice.
  private func isHopeless(_ block: Block, _ tally: Shipment.Tally, _ reason: RefusalReason) -> Bool {
    reason.isAboutTimeAlone && tally.rejected[reason] ?? 0 >= 3 && tally.delivered == 0 && tally.replayed == 0
      && block.isOfOneTime
  }

  /// Lets the queue forget the first `done` of `blocks`, `acknowledged` of which it already has.
  func acknowledge(
    _ done: Int, _ tallies: [Shipment.Tally], _ blocks: [StoredBlock], _ acknowledged: inout Int
  ) async throws {
    guard done > acknowledged else { return }
    var delivered = 0
    var rejected = 0
    for index in acknowledged..<done {
      // The block's own count is what conservation is about, also where a cut has counted otherwise.
      let refused = min(tallies[index].rejectedInAll, blocks[index].block.items)
      rejected += refused
      delivered += blocks[index].block.items - refused
    }
    inheritedBlocks = inheritedBlocks.map { $0 - min($0, UInt64(done - acknowledged)) }
    acknowledged = done
    try await queue.acknowledge(through: blocks[done - 1].sequence, delivered: delivered, rejected: rejected)
  }

  // MARK: Bookkeeping

  /// Whether the hub may have samples of ours that are newer than some of the block: from an attempt without an answer,
  /// or from a process before this one that died between the answer and a durable note of it.
  ///
  /// A sample that is its series' newest is taken a second time. So a block of one time is refused for being there only
  /// if the hub may have one after it, too; a process before this one may have sent that out of memory.
  private func mayBeOvertaken(_ block: StoredBlock) -> Bool {
    if inheritedBlocks ?? 0 > 0 { return true }
    return block.block.isOfOneTime ? block.sequence < storedThrough ?? 0 : block.sequence <= storedThrough ?? 0
  }

  private func markStored(_ piece: Shipment.Piece, _ blocks: [StoredBlock]) {
    storedThrough = max(storedThrough ?? 0, blocks[piece.blocks.upperBound - 1].sequence)
  }

  func note(_ attempt: Attempt, bytes: Int) {
    statistics.requestBytes.observe(bytes)
    if let status = attempt.status { statistics.lastStatus = status }
    if let seconds = attempt.seconds { statistics.observe(seconds, status: attempt.status ?? 0) }
    if skew.observe(date: attempt.date, now: wallClockMilliseconds() / 1000), let seconds = skew.seconds {
      journal.clocksApart(seconds: seconds)
    }
    statistics.clockSkewSeconds = skew.seconds
  }

  /// Notes a request that has to be sent again, and how long to wait before; nil when there was a verdict.
  func trouble(_ action: RetryPolicy.Action, _ attempt: Attempt, samples: Int) -> Duration? {
    let now = monotonicNanoseconds()
    let wait: Duration
    switch action {
    case .retry(let after):
      wait = after
      statistics.state = .backingOff(until: now + after.nanoseconds)
      journal.away(attempt.text, now: now)
    case .hold(let after):
      wait = after
      let status = attempt.status ?? 0
      statistics.state = .rejecting(status: status, until: now + after.nanoseconds)
      journal.held(status, attempt.text, now: now)
      onVerdict("answered \(attempt.text); \(RetryPolicy.remedy(for: status, endpoint.dialect))")
    default:
      statistics.state = .up
      journal.working(now: now)
      onVerdict(nil)
      return nil
    }
    attempts += 1
    countFailure(attempt, samples: samples)
    return wait
  }

  func countFailure(_ attempt: Attempt, samples: Int) {
    statistics.failedRequests += 1
    statistics.retriedSamples += samples
    noteFailure(attempt.text)
  }

  private func noteFailure(_ text: String) {
    statistics.lastFailure = .init(text: text, timestampMilliseconds: wallClockMilliseconds())
  }

  func countSent(samples: Int, bytes: Int, newest: Int64) {
    statistics.sentSamples += samples
    statistics.sentBytes += bytes
    statistics.sentRequests += 1
    statistics.lastSuccessMilliseconds = wallClockMilliseconds()
    statistics.highestSentTimestampMilliseconds = max(statistics.highestSentTimestampMilliseconds ?? .min, newest)
  }

  /// Counts `samples` of a body as refused for good; `text` says why, `bytes` is their part of it.
  func countRejected(_ samples: Int, bytes: Int, _ reason: RefusalReason, _ text: String) {
    guard samples > 0 else { return }
    statistics.rejectedSamples[reason, default: 0] += samples
    statistics.rejectedBytes[reason, default: 0] += bytes
    noteFailure(text)
    journal.refused(samples, reason, text, now: monotonicNanoseconds())
  }

  /// Metadata travels beside the queue; its fate is noted here so that an endpoint has one account.
  func noteMetadata(sent: Int, failed: Int, bytes: Int) {
    statistics.sentMetadata += sent
    statistics.failedMetadata += failed
    statistics.sentMetadataBytes += bytes
  }

  /// Waits, unless told to try now; throws when the sender is to stop.
  func wait(_ duration: Duration) async throws {
    let pause = Task { _ = try? await Task.sleep(for: duration) }
    self.pause = pause
    await withTaskCancellationHandler {
      await pause.value
    } onCancel: {
      pause.cancel()
    }
    self.pause = nil
    try Task.checkCancellation()
  }
}

extension Block {
  /// Whether all its samples are of one time, as those of one scrape are.
  fileprivate var isOfOneTime: Bool { minTimestampMilliseconds == maxTimestampMilliseconds }
}
