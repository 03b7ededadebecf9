// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// What is not settled of one source: lines that stages keep, and entries that wait behind them.
///
/// A line is *settled* when it was emitted, dropped, or joined to one that was. Entries leave in the order of their last
/// lines, as soon as all lines before those are settled; so the position that leaves with them is exact. A line joined to
/// a later one counts as accounted for only together with it.
struct SourceLedger {
  private struct Record {
    var isOpen: Bool
    var position: Range<Int>?
    /// The line whose entry accounts for this one too.
    var coveredBy: Int
  }

  private struct Output {
    var ticket: Int
    var entry: Range<Int>  // line, then metadata, in outputBytes
    var metadataStart: Int
    var labels: LabelSet
    var timestampNanoseconds: Int64
    var since: Int64
  }

  let origin: String
  let route: [String]
  let name: [UInt8]?
  var audience: Set<String>?

  private(set) var nextTicket = 0
  private var firstTicket = 0
  private var records: [Record] = []
  private var recordHead = 0
  private var positionBytes: [UInt8] = []
  private var outputs: [Output] = []
  private var outputHead = 0
  private var outputBytes: [UInt8] = []
  private var covered = -1
  /// What it was last counted as among all sources.
  var accountedBytes = 0
  var accountedEntries = 0

  init(origin: String, route: [String], name: [UInt8]?, audience: Set<String>?) {
    self.origin = origin
    self.route = route
    self.name = name
    self.audience = audience
  }

  /// Whether nothing of the source waits.
  var isEmpty: Bool { recordHead == records.count }
  /// How many entries wait behind a line that is not settled.
  var waitingEntries: Int { outputs.count - outputHead }
  /// Roughly what they and the positions take in memory.
  var memoryBytes: Int {
    isEmpty ? 0 : outputBytes.count + positionBytes.count + (outputs.count + records.count) * 48
  }
  /// Since when the oldest of them waits.
  var waitingSince: Int64? { outputHead < outputs.count ? outputs[outputHead].since : nil }

  /// The number of the next line of the source.
  mutating func takeTicket() -> Int {
    defer { nextTicket += 1 }
    return nextTicket
  }

  /// Notes the line just numbered, which is not settled yet; its position is what the parts make together.
  mutating func open(_ ticket: Int, positionPrefix: Span<UInt8>, position: Span<UInt8>) {
    if isEmpty { firstTicket = ticket }
    append(isOpen: true, ticket, positionPrefix, position)
  }

  /// Notes where the source stands after all lines so far.
  mutating func mark(_ position: Span<UInt8>) {
    append(isOpen: false, takeTicket(), position, Span())
  }

  private mutating func append(isOpen: Bool, _ ticket: Int, _ prefix: Span<UInt8>, _ position: Span<UInt8>) {
    let start = positionBytes.count
    unsafe prefix.withUnsafeBufferPointer { unsafe positionBytes.append(contentsOf: $0) }
    unsafe position.withUnsafeBufferPointer { unsafe positionBytes.append(contentsOf: $0) }
    let range = name == nil ? nil : start..<positionBytes.count
    records.append(Record(isOpen: isOpen, position: range, coveredBy: ticket))
  }

  /// Settles the lines numbered `tickets`, of which the latest stands for all.
  mutating func settle(_ tickets: [Int]) {
    guard let last = tickets.max() else { return }
    for ticket in tickets where ticket >= firstTicket {
      records[recordHead + ticket - firstTicket].isOpen = false
      records[recordHead + ticket - firstTicket].coveredBy = last
    }
  }

  /// Puts an entry, whose lines were just settled, where it has to wait.
  mutating func wait(_ entry: inout LogEntry, labels: LabelSet, since: Int64) {
    guard let ticket = entry.tickets.max() else { preconditionFailure("BUG: an entry without a line") }
    let start = outputBytes.count
    unsafe entry.bytes.span.extracting(entry.line).withUnsafeBufferPointer {
      unsafe outputBytes.append(contentsOf: $0)
    }
    let metadataStart = outputBytes.count
    entry.packMetadata(into: &outputBytes)
    let output = Output(
      ticket: ticket, entry: start..<outputBytes.count, metadataStart: metadataStart, labels: labels,
      timestampNanoseconds: entry.timestampNanoseconds, since: since)
    // Entries come nearly in order: what was joined takes the place of its last line.
    var place = outputs.count
    while place > outputHead, outputs[place - 1].ticket > ticket { place -= 1 }
    outputs.insert(output, at: place)
  }

  /// Hands on the entries that need not wait any longer.
  mutating func drain(into batch: inout OutputBatch, source: Int32) {
    while recordHead < records.count, !records[recordHead].isOpen {
      covered = max(covered, records[recordHead].coveredBy)
      let position = covered <= firstTicket ? records[recordHead].position : nil
      while outputHead < outputs.count, outputs[outputHead].ticket == firstTicket {
        emit(outputs[outputHead], position, into: &batch, source)
        outputHead += 1
      }
      if let position { batch.reached(positionBytes.span.extracting(position), source: source) }
      recordHead += 1
      firstTicket += 1
    }
    compact()
  }

  /// Hands on the entries that wait, although lines before them are not settled: the position stays.
  mutating func release(into batch: inout OutputBatch, source: Int32) {
    while outputHead < outputs.count {
      emit(outputs[outputHead], nil, into: &batch, source)
      outputHead += 1
    }
    compact()
  }

  private func emit(_ output: Output, _ position: Range<Int>?, into batch: inout OutputBatch, _ source: Int32) {
    let span = outputBytes.span
    batch.append(
      line: span.extracting(output.entry.lowerBound..<output.metadataStart),
      metadata: span.extracting(output.metadataStart..<output.entry.upperBound),
      timestampNanoseconds: output.timestampNanoseconds, labels: output.labels, source: source,
      fullPosition: positionBytes.span.extracting(position ?? 0..<0), hasPosition: position != nil)
  }

  /// Forgets everything that waits.
  mutating func removeAll() {
    firstTicket = nextTicket
    covered = -1
    (recordHead, outputHead) = (0, 0)
    records.removeAll()
    positionBytes.removeAll()
    outputs.removeAll()
    outputBytes.removeAll()
  }

  /// Gives back what has left, when that is everything or most of it.
  private mutating func compact() {
    if outputHead == outputs.count, outputHead > 0 {
      outputHead = 0
      outputs.removeAll(keepingCapacity: outputs.count <= 64)
      outputBytes.removeAll(keepingCapacity: outputBytes.count <= 16384)
    }
    if recordHead == records.count {
      recordHead = 0
      records.removeAll(keepingCapacity: records.count <= 256)
      positionBytes.removeAll(keepingCapacity: positionBytes.count <= 16384)
    }
    if recordHead > 1024, recordHead * 2 > records.count { dropRecordsGone() }
    if outputHead > 1024, outputHead * 2 > outputs.count { dropOutputsGone() }
  }

  private mutating func dropRecordsGone() {
    records.removeSubrange(..<recordHead)
    recordHead = 0
    let old = positionBytes
    positionBytes.removeAll()
    for index in records.indices {
      guard let position = records[index].position else { continue }
      let start = positionBytes.count
      positionBytes.append(contentsOf: old[position])
      records[index].position = start..<positionBytes.count
    }
  }

  private mutating func dropOutputsGone() {
    outputs.removeSubrange(..<outputHead)
    outputHead = 0
    let old = outputBytes
    outputBytes.removeAll()
    for index in outputs.indices {
      let shift = outputBytes.count - outputs[index].entry.lowerBound
      outputBytes.append(contentsOf: old[outputs[index].entry])
      outputs[index].entry = (outputs[index].entry.lowerBound + shift)..<outputBytes.count
      outputs[index].metadataStart += shift
    }
  }
}
