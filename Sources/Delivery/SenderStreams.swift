// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Queue
internal import Telemetry
internal import Wire

/// The most bytes, uncompressed, of a push with several streams.
private let mostBytesTogether = 64 << 10

extension Sender {
  /// Sends `waiting`, as much of it together as may be, until a part of it has to be read again.
  func deliverStreams(_ waiting: [StoredBlock]) async throws {
    var rest = waiting[...]
    while !rest.isEmpty {
      let count = groupable(rest, maxItems: options.maxSamplesPerSend, maxBytes: mergeBytes)
      guard try await deliverGroup(Array(rest.prefix(count)), isAlone: waiting.count == 1) else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends `blocks` stream by stream, and acknowledges them when all of it is done; false when they must be read again.
  ///
  /// Not before: Loki tells how many entries of a push it refused, but not of which block they were, so blocks that go
  /// one by one would be counted wrong when the agent stops in between.
  private func deliverGroup(_ blocks: [StoredBlock], isAlone: Bool) async throws -> Bool {
    var shipment = StreamShipment(blocks, limit: mergeBytes) { bytes in
      isAlone && mayGoTogether(bytes, now: monotonicNanoseconds())
    }
    var passedOver = 0  // streams in a row that got no further
    var unanswered = 0  // attempts in a row
    while let piece = shipment.next {
      try Task.checkCancellation()
      guard let tenant = headerValue(piece.tenant) else {
        refuse(&shipment, .invalid, "the name of a tenant has characters that no header may have")
        continue
      }
      try await pace(piece)
      let body = piece.body
      let attempt = await client.attempt(body, to: endpoint, tenant: tenant, grace: options.grace)
      if attempt.wasCancelled { throw CancellationError() }
      let outcome = outcome(of: attempt, piece)
      note(attempt, bytes: body.count)
      if isTooMany(outcome), !isTooManyStreams(attempt) { pacing.complain(now: monotonicNanoseconds()) }
      if isAboutOneStream(outcome, attempt, piece), passedOver < shipment.laneCount - 1 {
        passedOver += 1
        countFailure(attempt, samples: piece.entries)
        shipment.passOver()
        continue
      }
      passedOver = 0
      let action = policy.next(after: outcome, random: .random(in: 0..<1))
      unanswered = attempt.status == nil ? unanswered + 1 : 0
      if let wait = trouble(action, attempt, samples: piece.entries) {
        try await self.wait(wait)
        // It may be the stream's own trouble, so another one is next. When no stream is answered the hub is away: read
        // again then, so that what the queue had to let go meanwhile is not sent and counted twice.
        if shipment.isUntouched, unanswered >= shipment.laneCount { return false }
        if isTooMany(outcome), shipment.separate() { continue }
        shipment.passOver()
        continue
      }
      settle(&shipment, action, attempt, body)
    }
    refuseUnreadable(&shipment, blocks)
    var acknowledged = 0
    try await acknowledge(blocks.count, shipment.tallies, blocks, &acknowledged)
    return true
  }

  /// Whether a push of several streams is so small, and the rate so low, that Loki will not refuse one of them for its
  /// rate: it would not say so.
  private func mayGoTogether(_ bytes: Int, now: Int64) -> Bool {
    bytes <= mostBytesTogether && !pacing.isWary(now: now) && together.take(bytes, now: now)
  }

  /// Waits as long as a hub that was sent too much needs.
  private func pace(_ piece: StreamShipment.Piece) async throws {
    let nanoseconds = pacing.wait(before: piece.byteCount, now: monotonicNanoseconds())
    if nanoseconds > 0 { try await wait(.nanoseconds(nanoseconds)) }
  }

  /// What the answer means: a 400 that hides that lines came too fast is a 429.
  private func outcome(of attempt: Attempt, _ piece: StreamShipment.Piece) -> RetryPolicy.Outcome {
    guard attempt.status == 400, options.limits.retriesTooManyRequests, case .rate = refusal(attempt, piece) else {
      return attempt.outcome
    }
    return .response(status: 429)
  }

  private func refusal(_ attempt: Attempt, _ piece: StreamShipment.Piece) -> LokiRefusal {
    LokiRefusal(attempt.answer, entries: piece.entries, isOneStream: piece.isOneStream)
  }

  /// Whether other streams may fare better, so that they need not wait: Loki says so, or the tenant is another.
  private func isAboutOneStream(
    _ outcome: RetryPolicy.Outcome, _ attempt: Attempt, _ piece: StreamShipment.Piece
  ) -> Bool {
    switch outcome {
    case .response(429, nil) where options.limits.retriesTooManyRequests:
      return contains(attempt.answer.lowercased(), "per stream rate limit") || isTooManyStreams(attempt)
    case .response(401, _), .response(403, _): return !piece.tenant.isEmpty
    default: return false
    }
  }

  private func isTooMany(_ outcome: RetryPolicy.Outcome) -> Bool {
    if case .response(429, _) = outcome { options.limits.retriesTooManyRequests } else { false }
  }

  /// Whether the hub has as many streams as it takes: slower is no better.
  private func isTooManyStreams(_ attempt: Attempt) -> Bool {
    contains(attempt.answer.lowercased(), "stream limit exceeded")
  }

  /// What to do with a piece the hub has given its verdict on.
  private func settle(
    _ shipment: inout StreamShipment, _ action: RetryPolicy.Action, _ attempt: Attempt, _ body: [UInt8]
  ) {
    guard let piece = shipment.next else { return }
    let reason = attempt.reason
    switch action {
    case .acknowledge:
      accept(&shipment, piece, body)
    case .acknowledgePartly:
      switch refusal(attempt, piece) {
      case .entries(let ignored), .rate(let ignored):
        countRejected(ignored, bytes: body.count * ignored / max(1, piece.entries), reason, attempt.text)
        accept(&shipment, piece, body, except: ignored, reason)
      case .stream where piece.isOneStream: refuse(&shipment, reason, attempt.text)
      case .stream, .request:
        if !shipment.divide() { refuse(&shipment, reason, attempt.text) }
      }
    case .divide:
      if !shipment.divide() { refuse(&shipment, reason, attempt.text) }
    case .halve:
      if piece.shares.count > 1 { mergeBytes = max(16 << 10, piece.byteCount / 2) }
      if !shipment.divide() { refuse(&shipment, .tooLarge, attempt.text) }
    case .reject(.rateLimited) where isTooManyStreams(attempt):
      refuse(&shipment, .streamLimited, attempt.text)
    case .reject(let reason):
      refuse(&shipment, reason, attempt.text)
    case .retry, .hold: preconditionFailure("BUG: a verdict that is none")
    }
  }

  private func accept(
    _ shipment: inout StreamShipment, _ piece: StreamShipment.Piece, _ body: [UInt8], except ignored: Int = 0,
    _ reason: RefusalReason = .other
  ) {
    pacing.took(piece.byteCount, now: monotonicNanoseconds())
    countSent(samples: piece.entries - ignored, bytes: body.count, newest: shipment.newestTimestampMilliseconds)
    shipment.settle(rejecting: ignored, reason)
  }

  private func refuse(_ shipment: inout StreamShipment, _ reason: RefusalReason, _ text: String) {
    guard let piece = shipment.next else { return }
    countRejected(piece.entries, bytes: piece.body.count, reason, text)
    shipment.settle(rejecting: piece.entries, reason)
  }

  private func refuseUnreadable(_ shipment: inout StreamShipment, _ blocks: [StoredBlock]) {
    for index in shipment.unreadable {
      let block = blocks[index].block
      countRejected(block.items, bytes: block.payload.count, .invalid, "a block in the queue is no push")
      shipment.refuse(unreadable: index, items: block.items)
    }
  }
}

/// The name of a tenant as the value of a header; nil when it cannot be one, empty for the endpoint's own.
private func headerValue(_ tenant: [UInt8]) -> String? {
  guard tenant.count <= 1024, tenant.allSatisfy({ (0x20...0x7e).contains($0) }) else { return nil }
  return String(decoding: tenant, as: UTF8.self)
}

/// How many of `blocks`, from the first, are sent together; the first always is. Those without lines and those nobody
/// can read count for nothing.
func groupable(_ blocks: ArraySlice<StoredBlock>, maxItems: Int, maxBytes: Int) -> Int {
  var items = 0
  var bytes = 0
  let beyond = blocks.firstIndex { stored in
    items = items.addingReportingOverflow(stored.block.items).overflow ? .max : items + stored.block.items
    bytes += stored.block.uncompressedLength
    return items > maxItems || bytes > maxBytes
  }
  return max(1, (beyond ?? blocks.endIndex) - blocks.startIndex)
}
