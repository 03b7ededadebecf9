// SPDX-License-Identifier: Apache-2.0

internal import Queue
internal import Telemetry
internal import Wire

/// Turns batches of log entries into blocks of a queue: labels as the endpoint wants them, streams, protobuf, snappy.
///
/// What a label set becomes is remembered, so that an entry costs a look into an array.
struct LogBlockEncoder {
  /// Why an entry was not put into a block.
  enum DropReason: String, CaseIterable {
    /// No label was left of it; Loki takes no stream without one.
    case noLabels = "no_labels"
    /// `max_streams`.
    case streamLimited = "stream_limited"
  }

  /// Entries and bytes of lines that were left out.
  struct Dropped: Equatable {
    var entries = 0
    var bytes = 0
  }

  private struct Place {
    var stream: Int32
    var batch: Int32
    var entry: Int32
  }

  /// What was left out so far.
  private(set) var dropped: [DropReason: Dropped] = [:]
  /// Lines that were longer than Loki takes, and were cut.
  private(set) var cutLines = 0

  private var streams: EndpointStreams
  private let maxStreams: Int
  private var encoder = PushEncoder()
  private var compressed: [UInt8] = []
  private var places: [Place] = []
  private var sorted: [Place] = []

  /// Blocks are closed at this size; snappy makes incompressible bytes a little larger, and 4 MiB is the limit.
  private static let maxBlockBytes = 3 << 20
  /// Loki's max_line_size.
  private static let maxLineBytes = 256 << 10

  /// An encoder for an endpoint; `maxStreams` is 0 for any number.
  init(externalLabels: LabelSet, tenant: String, maxStreams: Int) {
    streams = EndpointStreams(externalLabels: externalLabels, tenant: tenant)
    self.maxStreams = maxStreams
  }

  /// The entries of `batches`, grouped by stream, as few blocks as possible. The last carries `positions`.
  mutating func encode(_ batches: [LogBatch], positions: [SourcePosition], now: Int64) -> [Block] {
    streams.begin()
    places.removeAll(keepingCapacity: true)
    for batch in batches.indices { place(batches[batch], Int32(batch)) }
    sortPlaces()
    var blocks = encodePlaces(batches)
    if blocks.isEmpty {
      guard !positions.isEmpty else { return [] }
      // Everything was dropped on the way: only the positions are news.
      blocks.append(
        Block(
          kind: PushBlockKind.plain, items: 0, minTimestampMilliseconds: now, maxTimestampMilliseconds: now, payload: []
        ))
    }
    blocks[blocks.count - 1].positions = positions
    return blocks
  }

  /// What the hub may refuse about streams that are new, for the log.
  mutating func takeWarnings() -> [String] { streams.takeWarnings() }

  /// Finds the stream of each entry.
  private mutating func place(_ batch: LogBatch, _ number: Int32) {
    let numbers = batch.labelSets.map { streams.find($0.packed.span) }
    for (index, entry) in batch.entries.enumerated() {
      let found = numbers[Int(entry.labels)]
      guard found >= 0 else {
        drop(entry, .noLabels)
        continue
      }
      guard let stream = streams.use(found, limit: maxStreams) else {
        drop(entry, .streamLimited)
        continue
      }
      places.append(Place(stream: stream, batch: number, entry: Int32(index)))
    }
  }

  private mutating func drop(_ entry: LogBatch.Entry, _ reason: DropReason) {
    dropped[reason, default: Dropped()].entries += 1
    dropped[reason, default: Dropped()].bytes += entry.line.count
  }

  /// Brings entries of one stream together, each stream's in the order they came.
  private mutating func sortPlaces() {
    guard streams.usedCount > 1 else { return }
    var starts = [Int](repeating: 0, count: streams.usedCount + 1)
    for place in places { starts[Int(place.stream) + 1] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    sorted.removeAll(keepingCapacity: true)
    sorted.append(contentsOf: places)  // for its length; every element is overwritten
    for place in places {
      sorted[starts[Int(place.stream)]] = place
      starts[Int(place.stream)] += 1
    }
    swap(&places, &sorted)
  }

  private mutating func encodePlaces(_ batches: [LogBatch]) -> [Block] {
    var blocks: [Block] = []
    var times = TimeRange()
    var stream: Int32 = -1
    encoder.begin()
    for place in places {
      if encoder.blockByteCount >= Self.maxBlockBytes {
        blocks.append(finish(&times))
        stream = -1
      }
      if place.stream != stream {
        stream = place.stream
        encoder.beginStream(
          packedLabels: streams.bytes.span.extracting(streams.labels(of: stream)),
          tenant: streams.bytes.span.extracting(streams.tenant(of: stream)))
      }
      let entry = batches[Int(place.batch)].entries[Int(place.entry)]
      times.add(entry.timestampNanoseconds / 1_000_000)
      add(entry, of: batches[Int(place.batch)].bytes)
    }
    if encoder.entryCount > 0 { blocks.append(finish(&times)) }
    return blocks
  }

  private mutating func add(_ entry: LogBatch.Entry, of bytes: [UInt8]) {
    let line = entry.line.count <= Self.maxLineBytes ? entry.line : cut(entry.line, of: bytes.span)
    encoder.add(
      timestampNanoseconds: entry.timestampNanoseconds, line: bytes.span.extracting(line),
      metadata: bytes.span.extracting(entry.metadata))
  }

  /// A line that grew on its way (joined, or written by a template) beyond what Loki takes, up to there.
  private mutating func cut(_ line: Range<Int>, of bytes: Span<UInt8>) -> Range<Int> {
    cutLines += 1
    var end = line.lowerBound + Self.maxLineBytes
    while end > line.lowerBound, bytes[end] & 0xc0 == 0x80 { end -= 1 }  // not within a character
    return line.lowerBound..<end
  }

  private mutating func finish(_ times: inout TimeRange) -> Block {
    let items = encoder.entryCount
    // Compressing needs far more room than what comes of it.
    let kind = encoder.finish(into: &compressed)
    let payload = Array(compressed)
    encoder.begin()
    defer { times = TimeRange() }
    return Block(
      kind: kind, items: items, minTimestampMilliseconds: times.least,
      maxTimestampMilliseconds: times.most, payload: payload)
  }
}
