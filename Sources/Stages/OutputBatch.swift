// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// A batch that leaves the pipeline, while it is being filled.
struct OutputBatch {
  private(set) var batch: LogBatch
  /// Where label sets stand in `batch.labelSets`, by the address of their bytes, which the batch keeps: most are seen
  /// again and again, and one word is hashed much faster than all their bytes.
  private var places: [UInt: Int32] = [:]
  private var last: (address: UInt, place: Int32)?
  /// Where the pipeline's sources stand in `batch.sources`, by their numbers.
  private var numbers: [Int: Int32] = [:]

  /// One with the sources of `batch`, of which it does not know yet where they will stand.
  init(like batch: LogBatch) {
    self.batch = LogBatch(origin: batch.origin)
    self.batch.route = batch.route
    self.batch.audience = batch.audience
    self.batch.moreFollows = batch.moreFollows
    self.batch.sources = batch.sources
    for place in self.batch.sources.indices { self.batch.sources[place].position = nil }
    self.batch.bytes.reserveCapacity(batch.bytes.count)
    self.batch.entries.reserveCapacity(batch.entries.count)
    self.batch.positionBytes.reserveCapacity(batch.positionBytes.count)
  }

  init(of ledger: SourceLedger) {
    batch = LogBatch(origin: ledger.origin)
    batch.route = ledger.route
    batch.audience = ledger.audience
  }

  /// Whether entries of source `number` belong here.
  func takes(_ number: Int, _ ledger: SourceLedger) -> Bool {
    if numbers[number] != nil { return true }
    return batch.origin == ledger.origin && batch.route == ledger.route && batch.audience == ledger.audience
  }

  /// The index in `batch.sources` of the pipeline's source `number`.
  mutating func source(_ number: Int, of ledger: SourceLedger) -> Int32 {
    guard let name = ledger.name else { return -1 }
    if let known = numbers[number] { return known }
    let place = Int32(batch.sources.count)
    batch.sources.append(LogBatch.Source(name: name))
    numbers[number] = place
    return place
  }

  /// Says which of the pipeline's sources source `place` is. One of which entries wait whose positions may begin
  /// otherwise has its positions written in full.
  mutating func identify(_ place: Int, as number: Int, inFull: Bool) {
    numbers[number] = Int32(place)
    if inFull { batch.sources[place].positionPrefix = [] }
  }

  /// Sets where source `place` stands once the batch is accounted for.
  mutating func setPosition(_ position: [UInt8]?, of place: Int) { batch.sources[place].position = position }

  mutating func reached(_ position: Span<UInt8>, source: Int32) {
    guard source >= 0 else { return }
    batch.sources[Int(source)].position = unsafe position.withUnsafeBufferPointer { unsafe Array($0) }
  }

  /// Appends what became of entry `origin` of `input`, and need not wait.
  mutating func append(_ entry: inout LogEntry, labels: LabelSet, at origin: LogBatch.Entry, of input: LogBatch) {
    var place = LogBatch.Entry(
      labels: self.place(of: labels), source: origin.source, timestampNanoseconds: entry.timestampNanoseconds)
    let start = batch.bytes.count
    unsafe entry.bytes.span.extracting(entry.line).withUnsafeBufferPointer {
      unsafe batch.bytes.append(contentsOf: $0)
    }
    place.line = start..<batch.bytes.count
    entry.packMetadata(into: &batch.bytes)
    place.metadata = place.line.upperBound..<batch.bytes.count
    if origin.source >= 0 { place.position = appendPosition(of: origin, input) }
    batch.entries.append(place)
  }

  private mutating func appendPosition(of origin: LogBatch.Entry, _ input: LogBatch) -> Range<Int> {
    let start = batch.positionBytes.count
    if batch.sources[Int(origin.source)].positionPrefix.isEmpty {
      batch.positionBytes += input.sources[Int(origin.source)].positionPrefix
    }
    unsafe input.positionBytes.span.extracting(origin.position).withUnsafeBufferPointer {
      unsafe batch.positionBytes.append(contentsOf: $0)
    }
    return start..<batch.positionBytes.count
  }

  /// Appends an entry that had to wait. One without a position does not move its source.
  mutating func append(
    line: Span<UInt8>, metadata: Span<UInt8>, timestampNanoseconds: Int64, labels: LabelSet, source: Int32,
    fullPosition: Span<UInt8>, hasPosition: Bool
  ) {
    let prefix = source >= 0 ? batch.sources[Int(source)].positionPrefix.count : 0
    let place = self.place(of: labels)
    batch.append(
      line: line, metadata: metadata, timestampNanoseconds: timestampNanoseconds, labels: place,
      source: hasPosition ? source : -1,
      position: hasPosition ? fullPosition.extracting(prefix...) : Span())
  }

  private mutating func place(of labels: LabelSet) -> Int32 {
    // Only compared, never followed.
    let address = unsafe labels.packed.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    if let last, last.address == address { return last.place }
    let place: Int32
    if let known = places[address] {
      place = known
    } else {
      place = Int32(batch.labelSets.count)
      batch.labelSets.append(labels)
      places[address] = place
    }
    last = (address, place)
    return place
  }
}
