// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport

@testable import Queue

/// One random life of a queue: sources append, a hub acknowledges, the disk fails, the power goes; and a model that
/// knows what must hold.
struct QueueScript {
  enum Kind { case logs, metrics }

  /// A promise that was broken.
  struct Broken: Error, CustomStringConvertible {
    var description: String
  }

  let kind: Kind
  let disk: CrashingFileStore
  let options: QueueOptions
  var random: SplitMix64
  var log: SegmentLog?

  // The model.
  var read: [[UInt8]: Int] = [:]  // how far each source has been read: of what was appended in this life
  var contents: [UInt64: (block: Block, sequence: UInt64)] = [:]  // metrics blocks by their number
  var lastNumber: UInt64 = 0
  var delivered: Set<[UInt8]> = []  // payloads
  var durable: Set<UInt64> = []  // numbers of metrics blocks that were durable
  var lastSequence: UInt64 = 0
  var maximumDurable: UInt64 = 0
  var sawFailedSync = false

  static let directory = "/q"
  static let tracing = environmentVariable("SPOKE_TRACE") != nil
  static let silent = Log(to: LogSink(descriptor: -1))

  init(kind: Kind, seed: UInt64) {
    self.kind = kind
    random = SplitMix64(seed: seed)
    disk = CrashingFileStore(seed: seed &* 31)
    disk.shortWrites = random.chance(20)
    let small = random.chance(50)
    options = QueueOptions(
      overflow: kind == .logs ? .pause : .dropOldest, maxBytes: small ? 60_000 : 2_000_000,
      segmentBytes: [4096, 8192, 100_000][random.below(3)], minFreeBytes: 0, memoryRingBytes: 10_000)
  }

  mutating func run() throws {
    try open()
    for _ in 0..<(10 + random.below(50)) {
      try act()
      try check()
    }
    try heal()
    try drain()
    try checkNothingIsMissing()
  }

  private mutating func act() throws {
    let choice = random.below(100)
    defer { trace("act \(choice)") }
    switch choice {
    case ..<45: append()
    case ..<65: try deliver()
    case ..<72: try? log?.persistBookmark()
    case ..<78: disk.trouble = [.full, .readOnly, .failing(percent: 30), .syncFails, .none][random.below(5)]
    case ..<85: heal(disk)
    case ..<88: disk.cutPower(after: 1 + random.below(8))
    case ..<90: try restartCleanly()
    default: try crash()
    }
    if disk.isOut { try crash() }
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

  private mutating func open() throws {
    log = try SegmentLog(
      directory: QueueScript.directory, options: options, store: disk, log: QueueScript.silent,
      identity: QueueIdentity(bytes: [UInt8](repeating: 7, count: 16)))
    trace("opened")
    read = [:]
    contents = [:]  // what was in memory only is gone
    lastSequence = 0
  }

  private mutating func crash() throws {
    noteDurable()
    log = nil
    while true {
      disk.crash([.process, .powerLosingAll, .powerLosingSome][random.below(3)])
      if random.chance(20) { disk.cutPower(after: 1 + random.below(6)) }
      if random.chance(10) { disk.trouble = [.syncFails, .readOnly, .full][random.below(3)] }
      // Recovery may itself be cut short.
      try open()
      guard disk.isOut else { break }
      log = nil
    }
    disk.cutPower(after: nil)
    guard let log else { return }
    if log.counters.position.sequence > maximumDurable {
      throw Broken(description: "acknowledged \(log.counters.position.sequence), durable \(maximumDurable)")
    }
    if disk.trouble == .none, random.chance(30) { try checkRecoveryIsIdempotent() }
  }

  private mutating func checkRecoveryIsIdempotent() throws {
    guard let log else { return }
    let before = (log.position, log.end, log.positions.all, log.pendingItems)
    self.log = nil
    disk.crash(.process)
    try open()
    guard let again = self.log else { return }
    guard before == (again.position, again.end, again.positions.all, again.pendingItems) else {
      throw Broken(description: "a second recovery found \((again.position, again.end)), the first \(before)")
    }
  }

  private mutating func restartCleanly() throws {
    log?.close()
    noteDurable()
    log = nil
    if disk.isOut { return try crash() }
    disk.crash(.process)
    try open()
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
    if taken < blocks.count { read = [:] }
    noteDurable()
  }

  /// The lines of a source are what they are: number `n` always gives the same block.
  private mutating func nextLines() -> Block {
    let source = [UInt8(random.below(3))]
    let known = log?.positions[source].map { Int($0[0]) << 8 | Int($0[1]) } ?? 0
    return QueueScript.lines(source, (read[source] ?? known) + 1)
  }

  static func lines(_ source: [UInt8], _ number: Int) -> Block {
    let count = (number * 7919) % 900
    let position = [UInt8(number >> 8), UInt8(number & 0xff)]
    return Block(
      kind: 2, items: 1 + number % 5, minTimestampMilliseconds: Int64(number), maxTimestampMilliseconds: Int64(number),
      payload: source + position + [UInt8](repeating: UInt8(number & 0xff), count: count),
      positions: [SourcePosition(source: source, position: position)])
  }

  private mutating func nextSamples() -> Block {
    lastNumber += 1
    var payload: [UInt8] = []
    payload.append(littleEndian: lastNumber)
    payload += [UInt8](repeating: UInt8(lastNumber & 0xff), count: random.below(2000))
    return Block(
      kind: 1, items: 1 + random.below(9), minTimestampMilliseconds: 1, maxTimestampMilliseconds: 2, payload: payload)
  }

  private mutating func noteDurable() {
    guard let log else { return }
    maximumDurable = max(maximumDurable, log.end.sequence)
    guard kind == .metrics else { return }
    let inMemory = Set(log.ring.map(\.sequence))
    for (sequence, content) in contents where sequence <= log.end.sequence && !inMemory.contains(sequence) {
      durable.insert(content.block.payload.littleEndian(at: 0))
    }
    contents = contents.filter { inMemory.contains($0.key) }
  }

  private mutating func deliver() throws {
    guard let log else { return }
    let blocks = try log.read(maxBlocks: 1 + random.below(5), maxBytes: 4000)
    guard let last = blocks.last else { return }
    var previous: UInt64 = 0
    for stored in blocks {
      guard stored.sequence > previous, stored.sequence > lastSequence else {
        throw Broken(description: "block \(stored.sequence) after \(max(previous, lastSequence))")
      }
      previous = stored.sequence
      if kind == .logs, let source = stored.block.positions.first {
        let number = Int(source.position[0]) << 8 | Int(source.position[1])
        guard stored.block == QueueScript.lines(source.source, number) else {
          throw Broken(description: "block \(stored.sequence) is not what was appended")
        }
      }
    }
    guard random.chance(80) else { return }  // the hub is away
    for stored in blocks { delivered.insert(stored.block.payload) }
    let items = blocks.reduce(0) { $0 + $1.block.items }
    let before = log.counters.acknowledged + log.counters.rejected
    let positionBefore = log.position
    try log.acknowledge(through: last.sequence, rejected: random.below(items + 1))
    guard log.counters.acknowledged + log.counters.rejected == before + UInt64(items) else {
      throw Broken(
        description:
          "delivered \(items) items up to \(last.sequence), counted otherwise: \(positionBefore) to \(log.position), end \(log.end)"
      )
    }
    lastSequence = last.sequence
    _ = try? log.releaseSegments()
  }

  private mutating func drain() throws {
    guard let log else { return }
    var turns = 0
    while log.pendingBlocks > 0 || log.pendingItems > 0 {
      try deliver()
      turns += 1
      if turns > 5000 { throw Broken(description: "\(log.pendingItems) items stay for ever") }
      if try log.read(maxBlocks: 1, maxBytes: 1).isEmpty, log.pendingItems > 0 {
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
        for number in 1...last where !delivered.contains(QueueScript.lines(source.source, number).payload) {
          throw Broken(description: "source \(source.source) stands at \(last); \(number) never arrived")
        }
      }
    case .metrics:
      let arrived = Set(delivered.map { $0.littleEndian(at: 0, as: UInt64.self) })
      let missing = durable.subtracting(arrived)
      let mayBeMissing =
        log.counters.dropped[DropReason.queueFull.rawValue]
        + log.counters.dropped[DropReason.memoryFull.rawValue]
      if UInt64(missing.count) > mayBeMissing {
        throw Broken(description: "\(missing.sorted()) were durable and never arrived; \(mayBeMissing) items dropped")
      }
    }
  }
}
