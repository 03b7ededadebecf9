// SPDX-License-Identifier: Apache-2.0

public import Telemetry
internal import Wire

/// A log stream as the hub has received it, within its window.
public struct ReceivedStream: Sendable, Equatable {
  /// A line.
  public struct Entry: Sendable, Equatable {
    /// Nanoseconds since 1970.
    public var timestampNanoseconds: Int64
    /// The bytes of the line.
    public var line: [UInt8]
    /// What came with it.
    public var metadata: [Label]

    /// The line as text.
    public var text: String { String(decoding: line, as: UTF8.self) }
  }

  /// Its labels.
  public var labels: LabelSet
  /// The lines taken, in order of arrival, without the oldest that had to make room.
  public var entries: [Entry]
  /// How many lines were the same as the one before them; they are not in `entries` twice.
  public var duplicates: Int
  /// How many lines had to make room.
  public var evicted: Int
}

/// Lines by stream, under Loki's rules: what is wrong is left out, the rest is taken.
struct StreamStore {
  struct Limits {
    var windowBytes = 64 << 20
    var maxStreams = 5000
    var maxLineBytes = 256 << 10
    var maxLabels = 15
    var behind: Int64 = 3_600_000_000_000  // nanoseconds behind the newest line of the stream
    var future: Int64 = 600_000_000_000
  }

  private typealias Entry = ReceivedStream.Entry

  private struct Stream {
    var labels: LabelSet
    var entries = FIFO<Entry>()
    var newest: Int64 = .min
    var latest: Entry?
    var duplicates = 0
    var evicted = 0
  }

  var limits: Limits
  private var streams: [Stream] = []
  private var index: [LabelSet: Int] = [:]
  private var arrivals = FIFO<Int>()  // the stream of each line kept
  private var bytes = 0
  private(set) var linesStored = 0
  private(set) var duplicates = 0
  private(set) var evicted = 0

  var streamCount: Int { streams.count }

  init(limits: Limits = Limits()) { self.limits = limits }

  /// The streams, in the order they first came.
  func received(limit: Int = .max) -> [ReceivedStream] {
    streams.prefix(limit).map {
      ReceivedStream(
        labels: $0.labels, entries: Array($0.entries.contents), duplicates: $0.duplicates, evicted: $0.evicted)
    }
  }

  /// Takes what is good of `request`; throws when something was not. `now` is nanoseconds since 1970.
  mutating func push(_ request: PushRequest, now: Int64) throws(Refusal) {
    guard !request.streams.isEmpty else { throw Refusal(422, "no streams in the push request") }
    var refusal: Refusal?
    for stream in request.streams {
      do throws(Refusal) { try push(stream, now) } catch { refusal = error }
    }
    makeRoom()
    if let refusal { throw refusal }
  }

  private mutating func push(_ stream: PushRequest.Stream, _ now: Int64) throws(Refusal) {
    let index = try find(stream.labels)
    let horizon = streams[index].newest.subtractingReportingOverflow(limits.behind)
    var ignored: [String] = []
    for entry in stream.entries {
      let entry = Entry(timestampNanoseconds: entry.timestampNanoseconds, line: entry.line, metadata: entry.metadata)
      if let reason = objection(to: entry, horizon: horizon.overflow ? .min : horizon.partialValue, now) {
        ignored.append("entry with timestamp \(entry.timestampNanoseconds) ignored, reason: '\(reason)'")
      } else {
        keep(entry, index)
      }
    }
    guard let first = ignored.first else { return }
    let total = "total ignored: \(ignored.count) out of \(stream.entries.count)"
    throw Refusal(400, "\(first)\n\(total) for stream: \(streams[index].labels)")
  }

  private mutating func find(_ labels: [Label]) throws(Refusal) -> Int {
    guard labels.contains(where: { !$0.value.isEmpty }) else {
      throw Refusal(400, "error at least one label pair is required per stream")
    }
    guard labels.count <= limits.maxLabels else {
      throw Refusal(400, "stream has \(labels.count) label names; limit \(limits.maxLabels)")
    }
    let labels = LabelSet(labels)
    if let known = index[labels] { return known }
    guard streams.count < limits.maxStreams else { throw Refusal(429, "maximum active stream limit exceeded") }
    index[labels] = streams.count
    streams.append(Stream(labels: labels))
    return streams.count - 1
  }

  private func objection(to entry: Entry, horizon: Int64, _ now: Int64) -> String? {
    if entry.line.count > limits.maxLineBytes {
      return "max entry size '\(limits.maxLineBytes)' bytes exceeded with length '\(entry.line.count)' bytes"
    }
    if entry.timestampNanoseconds < horizon { return "entry too far behind, oldest acceptable is \(horizon)" }
    let latest = now.addingReportingOverflow(limits.future)
    if !latest.overflow, entry.timestampNanoseconds > latest.partialValue { return "timestamp too new" }
    return nil
  }

  private mutating func keep(_ entry: Entry, _ index: Int) {
    guard streams[index].latest != entry else {
      streams[index].duplicates += 1
      duplicates += 1
      return
    }
    streams[index].latest = entry
    streams[index].newest = max(streams[index].newest, entry.timestampNanoseconds)
    streams[index].entries.append(entry)
    arrivals.append(index)
    bytes += Self.size(entry)
    linesStored += 1
  }

  private mutating func makeRoom() {
    while bytes > limits.windowBytes, let oldest = arrivals.removeFirst() {
      guard let entry = streams[oldest].entries.removeFirst() else { continue }
      bytes -= Self.size(entry)
      streams[oldest].evicted += 1
      evicted += 1
    }
  }

  private static func size(_ entry: Entry) -> Int {
    let metadata = entry.metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 64 }
    return entry.line.count + metadata + 96
  }
}
