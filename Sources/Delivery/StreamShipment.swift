// SPDX-License-Identifier: Apache-2.0

internal import Queue
internal import Wire

/// Blocks of log lines on their way, each stream by itself: what is sent next, and what became of it.
///
/// Loki tells of a push with several streams only what became of the last one. So the lines of all blocks are gathered
/// by stream, oldest first, and each stream is a *lane* of pushes of its own; a lane that gets no further is passed over
/// until the others are empty. A block that travels alone goes as it was stored, where that is one push for each stream;
/// otherwise it may stay one push of several streams.
struct StreamShipment {
  /// What one push carries.
  struct Piece: Equatable {
    /// Its streams; more than one only in a block that stayed whole, none when it is one push that was not looked into.
    var streams: [StreamPush]
    /// How many of its entries come from which block, in the order of the entries.
    var shares: [Share]
    /// The snappy block as it was stored, while it is whole.
    var stored: [UInt8]?
    /// The bytes of the tenant's name; empty for the endpoint's own.
    var tenant: [UInt8] = []

    var entries: Int { shares.reduce(0) { $0 + $1.entries } }
    /// Uncompressed.
    var byteCount: Int { stored.map(uncompressedLength) ?? streams.reduce(0) { $0 + $1.byteCount } }
    var isOneStream: Bool { streams.count < 2 }
    var body: [UInt8] { stored ?? compressed(streams.flatMap(\.bytes)) }
  }

  struct Share: Equatable {
    var block: Int
    var entries: Int
  }

  private let limit: Int
  private let newestTimestamps: [Int64]  // milliseconds, by block
  private var lanes: [[Piece]] = []  // the next lane first, the next piece of each last
  private(set) var tallies: [Shipment.Tally]
  private(set) var isUntouched = true  // nothing of it has been delivered, refused or cut
  /// Blocks nobody can read.
  private(set) var unreadable: [Int] = []

  /// A shipment of `blocks`, in pushes of about `limit` bytes. Asks `mayStayWhole`, with its size, about a block that is
  /// alone and has several streams.
  init(_ blocks: [StoredBlock], limit: Int, mayStayWhole: (Int) -> Bool) {
    self.limit = limit
    newestTimestamps = blocks.map(\.block.maxTimestampMilliseconds)
    tallies = Array(repeating: Shipment.Tally(), count: blocks.count)
    if blocks.count == 1, let block = blocks.first?.block, block.kind != PushBlockKind.plain,
      let pushes = block.pushes
    {
      lanes = pushes.map { push in
        [
          Piece(
            streams: [], shares: [Share(block: 0, entries: push.entries)], stored: Array(block.payload[push.snappy]),
            tenant: Array(block.payload[push.tenant]))
        ]
      }
      return
    }
    var gathered = Gathering()
    for (index, block) in blocks.lazy.map(\.block).enumerated() where !block.isEmpty {
      guard let streams = block.streams else {
        unreadable.append(index)
        continue
      }
      if blocks.count == 1, streams.count > 1, block.kind == PushBlockKind.plain,
        mayStayWhole(uncompressedLength(block.payload))
      {
        let entries = streams.reduce(0) { $0 + $1.entryCount }
        lanes = [[Piece(streams: streams, shares: [Share(block: index, entries: entries)], stored: block.payload)]]
        return
      }
      for stream in streams { gathered.add(stream, of: index) }
    }
    lanes = gathered.pieces.map { Self.lane(of: $0, limit: limit) }
  }

  /// What to send; nil when all is done.
  var next: Piece? { lanes.first?.last }

  /// The time of the newest entry of the blocks the next piece comes from, milliseconds since 1970.
  var newestTimestampMilliseconds: Int64 { next?.shares.map { newestTimestamps[$0.block] }.max() ?? .min }

  /// How many streams are not done.
  var laneCount: Int { lanes.count }

  /// Takes the next piece off: delivered, except for `rejected` of its entries, whichever they were.
  mutating func settle(rejecting rejected: Int = 0, _ reason: RefusalReason = .other) {
    guard let piece = lanes.first?.last else { return }
    isUntouched = false
    lanes[0].removeLast()
    if lanes[0].isEmpty { lanes.removeFirst() }
    var left = rejected
    for share in piece.shares {
      let refused = min(left, share.entries)
      left -= refused
      tallies[share.block].delivered += share.entries - refused
      if refused > 0 { tallies[share.block].rejected[reason, default: 0] += refused }
    }
  }

  /// Counts a block nobody can read as refused; `items` is what it said it holds.
  mutating func refuse(unreadable block: Int, items: Int) {
    tallies[block].rejected[.invalid, default: 0] += items
  }

  /// Lets the other streams go first.
  mutating func passOver() {
    guard lanes.count > 1 else { return }
    lanes.append(lanes.removeFirst())
  }

  /// Replaces the next piece by each of its streams alone; false when it is one.
  mutating func separate() -> Bool {
    guard let piece = next, piece.streams.count > 1, let block = piece.shares.first?.block else { return false }
    var gathered = Gathering()
    for stream in piece.streams { gathered.add(stream, of: block) }
    isUntouched = false
    lanes.replaceSubrange(0..<1, with: gathered.pieces.map { Self.lane(of: $0, limit: limit) })
    return true
  }

  /// Replaces the next piece by its streams, or when it is one, by its halves; false when it is one entry.
  mutating func divide() -> Bool {
    if separate() { return true }
    guard let piece = next,
      let stream = piece.streams.first ?? piece.unpacked,
      let halves = stream.halves()
    else { return false }
    isUntouched = false
    let (first, rest) = piece.parts(halves)
    lanes[0].removeLast()
    lanes[0] += [rest, first]
    return true
  }

  /// Pieces of at most `limit` bytes each, the first one last.
  private static func lane(of piece: Piece, limit: Int) -> [Piece] {
    var pieces: [Piece] = []
    var rest = piece
    while let parts = rest.streams.first?.split(atMost: limit) {
      let (first, others) = rest.parts(parts)
      pieces.append(first)
      rest = others
    }
    return (pieces + [rest]).reversed()
  }
}

/// Entries of several blocks by stream, in the order the streams first came.
private struct Gathering {
  private(set) var pieces: [StreamShipment.Piece] = []
  private var index: [StreamPush.Key: Int] = [:]

  mutating func add(_ stream: StreamPush, of block: Int) {
    let share = StreamShipment.Share(block: block, entries: stream.entryCount)
    guard let known = index[stream.key] else {
      index[stream.key] = pieces.count
      return pieces.append(StreamShipment.Piece(streams: [stream], shares: [share], tenant: stream.key.tenant))
    }
    pieces[known].streams[0].append(stream)
    if pieces[known].shares.last?.block == block {
      pieces[known].shares[pieces[known].shares.count - 1].entries += share.entries
    } else {
      pieces[known].shares.append(share)
    }
  }
}

extension Block {
  /// How many bytes its pushes say they have.
  var uncompressedLength: Int {
    pushes?.reduce(0) { $0 + (Snappy.uncompressedLength(payload.span.extracting($1.snappy)) ?? 0) } ?? 0
  }

  /// What it holds, each push by itself; nil when nobody can read it, or nothing is in it.
  fileprivate var pushes: [StoredPush]? {
    isEmpty ? nil : storedPushes(kind: kind, items: items, payload.span)
  }

  /// The streams of all its pushes; nil when nobody can read one.
  fileprivate var streams: [StreamPush]? {
    guard let pushes else { return nil }
    var streams: [StreamPush] = []
    for push in pushes {
      guard let bytes = uncompressed(payload.span.extracting(push.snappy)),
        let found = streamPushes(bytes.span, tenant: Array(payload[push.tenant]))
      else { return nil }
      streams += found
    }
    return streams
  }
}

extension StreamShipment.Piece {
  /// The stream of a push that was not looked into before.
  fileprivate var unpacked: StreamPush? {
    guard let stored, let bytes = uncompressed(stored.span) else { return nil }
    return streamPushes(bytes.span, tenant: tenant)?.first
  }

  /// The pieces of two parts of its only stream.
  fileprivate func parts(_ streams: (first: StreamPush, rest: StreamPush)) -> (first: Self, rest: Self) {
    var first = Self(streams: [streams.first], shares: [], tenant: tenant)
    var rest = Self(streams: [streams.rest], shares: [], tenant: tenant)
    var left = streams.first.entryCount
    for share in shares {
      let taken = min(left, share.entries)
      left -= taken
      if taken > 0 { first.shares.append(StreamShipment.Share(block: share.block, entries: taken)) }
      guard share.entries > taken else { continue }
      rest.shares.append(StreamShipment.Share(block: share.block, entries: share.entries - taken))
    }
    return (first, rest)
  }
}
