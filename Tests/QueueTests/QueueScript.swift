// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport

@testable import Queue

/// One random life of a queue: sources append, a hub acknowledges, the disk fails, the power goes; and a model that
/// knows what must hold.
///
/// Each act follows from the seed and its own number, so that a life can be repeated without some of its acts. A life
/// begins on an empty disk, loses its process or its power at least once, and ends when all is delivered.
struct QueueScript {
  enum Kind: CaseIterable { case logs, metrics }

  /// A promise that was broken.
  struct Broken: Error, CustomStringConvertible {
    enum Promise { case nothingLost, nothingTwice, other }
    var promise = Promise.other
    var description: String
  }

  /// Where the power goes in a life that has no other crash: at one of its changes to the disk, and perhaps once more
  /// during the recovery from that.
  struct PowerCut {
    var after: Int
    var crash: CrashingFileStore.Crash
    var inRecoveryAfter: Int?
  }

  let kind: Kind
  let seed: UInt64
  let acts: [Int]
  let disk: CrashingFileStore
  let options: QueueOptions
  private let isRecorded: Bool
  private var cut: PowerCut?
  var random: SplitMix64
  var log: SegmentLog?
  private(set) var crashes = 0
  /// The changes to the disk of the recovery from the power cut.
  private(set) var recoveryOperations = 0

  // The model.
  var read: [[UInt8]: Int] = [:]  // how far each source has been read: of what was appended in this life
  var stamp: UInt32 = 0  // the time of reading, which a line gets once
  var contents: [UInt64: (block: Block, sequence: UInt64)] = [:]  // metrics blocks by their number
  var lastNumber: UInt64 = 0
  var arrived: [[UInt8]: [[UInt8]]] = [:]  // payloads of logs by source, in order
  var delivered: Set<UInt64> = []  // numbers of metrics blocks
  var durable: [UInt64: Int] = [:]  // items of metrics blocks that were durable, by number
  var lastSequence: UInt64 = 0
  var maximumDurable: UInt64 = 0

  static let directory = "/state/q"
  static let tracing = environmentVariable("SPOKE_TRACE") != nil
  static let silent = Log(to: LogSink(descriptor: -1))

  /// The life that follows from `seed`; only `acts` of it when given.
  init(kind: Kind, seed: UInt64, acts: [Int]? = nil) {
    self.init(kind: kind, seed: seed, acts: acts, isRecorded: false, lengthBelow: 50)
  }

  /// A short life without misfortunes of the machine but `cut`; always the same up to there.
  init(recorded seed: UInt64, kind: Kind, cut: PowerCut?) {
    self.init(kind: kind, seed: seed, acts: nil, isRecorded: true, lengthBelow: 15)
    self.cut = cut
  }

  private init(kind: Kind, seed: UInt64, acts: [Int]?, isRecorded: Bool, lengthBelow: Int) {
    self.kind = kind
    self.seed = seed
    self.isRecorded = isRecorded
    random = SplitMix64(seed: seed)
    let length = 10 + random.below(lengthBelow)
    self.acts = acts ?? Array(0..<length)
    disk = CrashingFileStore(seed: seed &* 31)
    disk.shortWrites = random.chance(20)
    let small = random.chance(50)
    options = QueueOptions(
      overflow: kind == .logs ? .pause : .dropOldest, maxBytes: small ? 60_000 : 2_000_000,
      segmentBytes: [4096, 8192, 100_000][random.below(3)], minFreeBytes: 0, memoryRingBytes: 10_000)
  }

  mutating func run() throws {
    disk.cutPower(after: cut?.after)
    try reopen()
    for number in acts {
      begin(number)
      try act()
      try check()
    }
    begin(acts.last.map { $0 + 1 } ?? 0)
    try crash()
    try heal()
    try drain()
    try checkNothingIsMissing()
  }

  private mutating func begin(_ number: Int) {
    var seeds = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number))
    random = SplitMix64(seed: seeds.next())
    disk.reseed(seeds.next())
  }

  private mutating func act() throws {
    let choice = random.below(100)
    defer { trace("act \(choice)") }
    switch choice {
    case ..<43: append()
    case ..<63: try deliver()
    case ..<68: try? log?.persistBookmark()
    case ..<70 where kind == .metrics: try? log?.expire(olderThan: Int64(lastNumber) - Int64(random.below(40)))
    case ..<75: disk.trouble = [.full, .readOnly, .failing(percent: 30), .syncFails, .none][random.below(5)]
    case ..<80: planFault()
    case ..<86: heal(disk)
    case ..<88: try restartCleanly()
    case ..<91 where !isRecorded: disk.cutPower(after: 1 + random.below(8))
    default: if !isRecorded { try crash() } else { append() }
    }
    if disk.isOut { try crash() }
  }

  private mutating func planFault() {
    let after = random.below(6)
    if random.chance(60) {
      let operations: [CrashingFileStore.Operation] = [
        .create, .write, .sync, .truncate, .rename, .remove, .makeDirectory, .syncDirectory,
      ]
      let errnos: [Int32?] = [ENOSPC, EIO, EROFS, EINTR, nil]
      disk.plan(operations[random.below(operations.count)], after: after, errno: errnos[random.below(errnos.count)])
    } else {
      // What passes; that the medium gives no byte is damage, which has tests of its own.
      let operations: [CrashingFileStore.Operation] = [.open, .read, .size, .list, .lock]
      disk.plan(
        operations[random.below(operations.count)], after: after, errno: [EINTR, EMFILE, ENOMEM][random.below(3)])
    }
  }

  private func trace(_ what: String) {
    guard QueueScript.tracing, let log else { return }
    let p = log.position
    let segments = log.segments.map { "\($0.number):\($0.bytes)" }
    print(
      "\(what) \(disk.trouble) out=\(disk.isOut) position \(p.segment)/\(p.offset) #\(p.sequence) \(p.items) end \(log.end.segment)/\(log.end.offset)",
      "#\(log.end.sequence) \(log.end.items) gen \(log.bookmarkFile.generation) next #\(log.nextSequence) \(log.nextSegment) \(segments) ring \(log.ring.count)"
    )
  }

  // MARK: Lives

  /// Opens the queue until that succeeds: the agent is started again when it cannot.
  private mutating func reopen() throws {
    var attempts = 0
    while true {
      do {
        try open()
      } catch {
        attempts += 1
        guard attempts < 20 else { throw error }
        if !disk.isOut { continue }
      }
      guard disk.isOut else { return }
      log = nil
      stop()
    }
  }

  private mutating func open() throws {
    log = try SegmentLog(
      directory: QueueScript.directory, options: options, store: disk, log: QueueScript.silent,
      identity: QueueIdentity(bytes: [UInt8](repeating: 7, count: 16)))
    trace("opened")
    readAgain()
    contents = [:]  // what was in memory only is gone
    lastSequence = 0
  }

  /// The process or the machine ends, and may again before it has recovered.
  private mutating func stop() {
    crashes += 1
    if let cut {
      disk.crash(cut.crash)
      disk.cutPower(after: cut.inRecoveryAfter)
      self.cut?.inRecoveryAfter = nil
      return
    }
    disk.crash([.process, .powerLosingAll, .powerLosingSome][random.below(3)])
    guard !isRecorded else { return }
    if random.chance(20) { disk.cutPower(after: 1 + random.below(6)) }
    if random.chance(10) { disk.trouble = [.syncFails, .readOnly, .full][random.below(3)] }
    if random.chance(10) { planFault() }
  }

  private mutating func crash() throws {
    noteDurable()
    log = nil
    stop()
    let before = disk.operations
    try reopen()
    recoveryOperations = disk.operations - before
    disk.cutPower(after: nil)
    guard let log else { return }
    if log.counters.position.sequence > maximumDurable {
      throw Broken(description: "acknowledged \(log.counters.position.sequence), durable \(maximumDurable)")
    }
    if disk.trouble == .none, random.chance(30) { try checkRecoveryIsIdempotent() }
  }

  /// A position without the byte: the end of a segment is the beginning of the next.
  private struct Counters: Equatable {
    var sequence, items, blocks: UInt64
    init(_ position: LogPosition) { (sequence, items, blocks) = (position.sequence, position.items, position.blocks) }
  }

  private mutating func checkRecoveryIsIdempotent() throws {
    guard let log, log.ring.isEmpty else { return }
    let before = (Counters(log.position), log.end, log.positions.all, log.pendingItems)
    self.log = nil
    disk.crash(.process)
    try reopen()
    guard let again = self.log else { return }
    guard before == (Counters(again.position), again.end, again.positions.all, again.pendingItems) else {
      throw Broken(description: "a second recovery found \((Counters(again.position), again.end)), the first \(before)")
    }
  }

  private mutating func restartCleanly() throws {
    log?.close()
    noteDurable()
    log = nil
    if disk.isOut { return try crash() }
    disk.crash(.process)
    try reopen()
  }

  private func heal(_ disk: CrashingFileStore) {
    disk.trouble = .none
    _ = log?.resume()
  }

  private mutating func heal() throws {
    heal(disk)
    if disk.isOut { try crash() }
    disk.cutPower(after: nil)
    heal(disk)
  }

  // MARK: Sources and hub

  private mutating func append() {
    guard let log else { return }
    if kind == .logs, log.isDegraded { return }
    var blocks: [Block] = []
    for _ in 0...random.below(3) {
      let block = kind == .logs ? nextLines() : nextSamples()
      if kind == .logs, !log.hasRoom(for: SegmentLog.recordBytes(of: block)) { break }
      blocks.append(block)
      if kind == .logs, let source = block.positions.first {
        read[source.source] = Int(source.position[0]) << 8 | Int(source.position[1])
      }
    }
    let first = log.nextSequence
    let taken = log.append(blocks)
    if kind == .metrics {
      for (index, block) in blocks.enumerated() {
        contents[first + UInt64(index)] = (block, first + UInt64(index))
      }
    }
    // A source whose blocks were not taken goes on from what the queue knows, as after cancelling.
    if taken < blocks.count { readAgain() }
    noteDurable()
  }

  /// Sources go on from where the queue says; what they read from there on is of another time.
  private mutating func readAgain() {
    read = [:]
    stamp += 1
  }

  private mutating func nextLines() -> Block {
    let source = [UInt8(random.below(3))]
    let known = log?.positions[source].map { Int($0[0]) << 8 | Int($0[1]) } ?? 0
    return QueueScript.lines(source, (read[source] ?? known) + 1, stamp: stamp)
  }

  /// The lines of a source are what they are: number `n` always gives the same block, but for the time of reading.
  static func lines(_ source: [UInt8], _ number: Int, stamp: UInt32) -> Block {
    let count = (number * 7919) % 900
    let position = [UInt8(number >> 8), UInt8(number & 0xff)]
    var payload = source + position
    payload.append(littleEndian: stamp)
    return Block(
      kind: 2, items: 1 + number % 5, minTimestampMilliseconds: Int64(number), maxTimestampMilliseconds: Int64(number),
      payload: payload + [UInt8](repeating: UInt8(number & 0xff), count: count),
      positions: [SourcePosition(source: source, position: position)])
  }

  private mutating func nextSamples() -> Block {
    lastNumber += 1
    var payload: [UInt8] = []
    payload.append(littleEndian: lastNumber)
    payload += [UInt8](repeating: UInt8(lastNumber & 0xff), count: random.below(2000))
    return Block(
      kind: 1, items: 1 + random.below(9), minTimestampMilliseconds: Int64(lastNumber),
      maxTimestampMilliseconds: Int64(lastNumber), payload: payload)
  }

  private mutating func noteDurable() {
    guard let log else { return }
    maximumDurable = max(maximumDurable, log.end.sequence)
    guard kind == .metrics else { return }
    let inMemory = Set(log.ring.map(\.sequence))
    for (sequence, content) in contents where sequence <= log.end.sequence && !inMemory.contains(sequence) {
      durable[content.block.payload.littleEndian(at: 0)] = content.block.items
    }
    contents = contents.filter { inMemory.contains($0.key) }
  }

  private mutating func deliver() throws {
    guard let log else { return }
    guard let blocks = try? log.read(maxBlocks: 1 + random.below(5), maxBytes: 4000), let last = blocks.last else {
      return
    }
    var previous: UInt64 = 0
    for stored in blocks {
      guard stored.sequence > previous, stored.sequence > lastSequence else {
        throw Broken(description: "block \(stored.sequence) after \(max(previous, lastSequence))")
      }
      previous = stored.sequence
    }
    guard random.chance(80) else { return }  // the hub is away
    for stored in blocks { try arrive(stored.block) }
    let items = blocks.reduce(0) { $0 + $1.block.items }
    let before = log.counters.acknowledged + log.counters.rejected
    let positionBefore = log.position
    do {
      try log.acknowledge(through: last.sequence, rejected: random.below(items + 1))
    } catch {
      return
    }
    guard log.counters.acknowledged + log.counters.rejected == before + UInt64(items) else {
      throw Broken(
        description:
          "delivered \(items) items up to \(last.sequence), counted otherwise: \(positionBefore) to \(log.position), end \(log.end)"
      )
    }
    lastSequence = last.sequence
    _ = try? log.releaseSegments()
  }

  /// The hub takes what it does not have; it knows again what it was sent before, to the byte.
  private mutating func arrive(_ block: Block) throws {
    guard kind == .logs, let position = block.positions.first else {
      delivered.insert(block.payload.littleEndian(at: 0))
      return
    }
    let source = position.source
    let number = Int(position.position[0]) << 8 | Int(position.position[1])
    guard block == QueueScript.lines(source, number, stamp: block.payload.littleEndian(at: 3)) else {
      throw Broken(description: "block \(number) of source \(source) is not what was appended")
    }
    let last = arrived[source]?.count ?? 0
    if number > last + 1 {
      throw Broken(promise: .nothingLost, description: "of source \(source), \(number) came after \(last)")
    } else if number == last + 1 {
      arrived[source, default: []].append(block.payload)
    } else if arrived[source]?[number - 1] != block.payload {
      throw Broken(promise: .nothingTwice, description: "of source \(source), \(number) came with two times")
    }
  }

  private mutating func drain() throws {
    guard let log else { return }
    var turns = 0
    while log.pendingBlocks > 0 || log.pendingItems > 0 {
      try deliver()
      turns += 1
      if turns > 5000 { throw Broken(description: "\(log.pendingItems) items stay for ever") }
      if (try? log.read(maxBlocks: 1, maxBytes: 1).isEmpty) == true, log.pendingItems > 0 {
        throw Broken(description: "\(log.pendingItems) items pending, none to read")
      }
    }
    try check()
  }

  // MARK: What must hold

  private func check() throws {
    guard let log else { return }
    let now = log.statistics
    guard now.enqueued == now.acknowledged + now.rejected + now.droppedTotal + now.pending else {
      throw Broken(description: "not conserved: \(now)")
    }
    let slack = log.segmentBytes + 12_000
    guard now.bytes <= options.maxBytes + slack else { throw Broken(description: "\(now.bytes) bytes on disk") }
    guard now.memoryBytes <= options.memoryRingBytes else { throw Broken(description: "\(now.memoryBytes) in memory") }
    if kind == .logs, now.droppedTotal > 0 { throw Broken(description: "logs dropped: \(now.dropped)") }
  }

  private func checkNothingIsMissing() throws {
    guard let log else { return }
    switch kind {
    case .logs:
      for source in log.positions.all {
        let last = Int(source.position[0]) << 8 | Int(source.position[1])
        guard arrived[source.source]?.count ?? 0 >= last else {
          throw Broken(
            promise: .nothingLost,
            description: "source \(source.source) stands at \(last); \(arrived[source.source]?.count ?? 0) arrived")
        }
      }
    case .metrics:
      let missing = durable.filter { !delivered.contains($0.key) }
      let mayBeMissing = log.statistics.droppedTotal - log.counters.dropped[DropReason.damaged.rawValue]
      if missing.values.reduce(0, +) > Int(mayBeMissing) {
        throw Broken(
          promise: .nothingLost,
          description: "\(missing.keys.sorted()) were durable and never arrived; \(mayBeMissing) items counted")
      }
    }
  }
}
