// SPDX-License-Identifier: Apache-2.0

public import Telemetry
internal import Wire

/// A log stream as the hub has received it, within its window.
public struct ReceivedStream: Sendable, Equatable {
  /// A line.
  public struct Entry: Sendable, Hashable {
    /// Nanoseconds since 1970.
    public var timestampNanoseconds: Int64
    /// The bytes of the line.
    public var line: [UInt8]
    /// What came with it.
    public var metadata: [Label]

    /// The line as text.
    public var text: String { String(decoding: line, as: UTF8.self) }
  }

  /// Whose it is; empty while the hub does not tell tenants apart.
  public var tenant: String
  /// Its labels.
  public var labels: LabelSet
  /// The lines taken, in order of arrival, without the oldest that had to make room.
  public var entries: [Entry]
  /// How many lines came again while they were still kept; they are not in `entries` twice.
  public var duplicates: Int
  /// How many lines had to make room.
  public var evicted: Int
}

/// Lines by tenant and stream, under Loki's rules, in the two steps of its write path.
///
/// The *distributor* looks at labels and lines by themselves, leaves out what is wrong, and takes the rest or, over the
/// tenant's rate, nothing. The *ingester* looks at each stream beside what it has of it. What it refuses, if anything,
/// is the answer, else what the distributor left out.
struct StreamStore {
  private typealias Entry = ReceivedStream.Entry

  private struct Key: Hashable {
    var tenant: String
    var labels: LabelSet
  }

  private struct Stream {
    var key: Key
    var entries = FIFO<Entry>()
    var kept: Set<Entry> = []  // those in `entries`
    var newest: Int64 = .min
    var rate: TokenBucket?
    var duplicates = 0
    var evicted = 0
  }

  private let limits: StreamLimits
  private let windowBytes: Int
  private var streams: [Stream] = []
  private var index: [Key: Int] = [:]
  private var streamsOfTenant: [String: Int] = [:]
  private var tenantRates: [String: TokenBucket] = [:]
  private var arrivals = FIFO<Int>()  // the stream of each line kept
  private var bytes = 0
  private(set) var linesStored = 0
  private(set) var newestLine: [UInt8]?
  private(set) var duplicates = 0
  private(set) var evicted = 0

  var streamCount: Int { streams.count }

  init(limits: StreamLimits = StreamLimits(), windowBytes: Int = 64 << 20) {
    self.limits = limits
    self.windowBytes = windowBytes
  }

  /// The streams, in the order they first came.
  func received(limit: Int = .max) -> [ReceivedStream] {
    streams.prefix(limit).map {
      ReceivedStream(
        tenant: $0.key.tenant, labels: $0.key.labels, entries: Array($0.entries.contents), duplicates: $0.duplicates,
        evicted: $0.evicted)
    }
  }

  /// Takes what is good of `request`; throws when something was not. `now` is nanoseconds since 1970.
  mutating func push(_ request: PushRequest, tenant: String, now: Int64) throws(Refusal) {
    guard !request.streams.isEmpty else { throw Refusal(422, "no streams in the push request") }
    var objections = Objections()
    let valid = request.streams.compactMap { validated($0, now, &objections) }
    guard !valid.isEmpty else {
      if let refusal = objections.refusal { throw refusal }
      return
    }
    try checkRate(of: valid, tenant, now)
    let outcome = store(valid, tenant, now)
    makeRoom()
    if let refusal = outcome ?? objections.refusal { throw refusal }
  }

  // MARK: Distributor

  /// The stream without what is wrong in itself; nil when nothing is left.
  private func validated(_ stream: PushRequest.Stream, _ now: Int64, _ objections: inout Objections)
    -> PushRequest.Stream?
  {
    if let objection = objection(to: stream.labels) {
      objections.note(objection)
      return nil
    }
    var stream = stream
    let name = "\(LabelSet(stream.labels))"
    stream.entries.removeAll {
      guard let objection = objection(to: $0, of: name, now) else { return false }
      objections.note(objection)
      return true
    }
    return stream.entries.isEmpty ? nil : stream
  }

  private func objection(to labels: [Label]) -> String? {
    let labels = labels.filter { !$0.value.isEmpty }
    let name = "\(LabelSet(labels))"
    guard !labels.isEmpty else { return "error at least one label pair is required per stream" }
    guard labels.count <= limits.maxLabels else {
      return "stream '\(name)' has \(labels.count) label names; limit \(limits.maxLabels)"
    }
    for label in labels {
      if label.name.utf8.count > limits.maxLabelNameBytes {
        return "stream '\(name)' has label name too long: '\(label.name)'"
      }
      if label.value.utf8.count > limits.maxLabelValueBytes {
        return "stream '\(name)' has label value too long: '\(label.value)'"
      }
    }
    return nil
  }

  private func objection(to entry: PushRequest.Entry, of stream: String, _ now: Int64) -> String? {
    let time = entry.timestampNanoseconds
    let oldest = now.subtractingReportingOverflow(limits.maxAge.wholeNanoseconds)
    if !oldest.overflow, time < oldest.partialValue {
      return "entry for stream '\(stream)' has timestamp too old: \(time), oldest acceptable timestamp is: "
        + "\(oldest.partialValue)"
    }
    let latest = now.addingReportingOverflow(limits.future.wholeNanoseconds)
    if !latest.overflow, time > latest.partialValue {
      return "entry for stream '\(stream)' has timestamp too new: \(time)"
    }
    if entry.line.count > limits.maxLineBytes {
      return "max entry size '\(limits.maxLineBytes)' bytes exceeded for stream '\(stream)' while adding an entry with "
        + "length '\(entry.line.count)' bytes"
    }
    let metadataBytes = entry.metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    if metadataBytes > limits.maxMetadataBytes {
      return "stream '\(stream)' has structured metadata too large: '\(metadataBytes)' bytes, limit: "
        + "'\(limits.maxMetadataBytes)' bytes"
    }
    if entry.metadata.count > limits.maxMetadataPairs {
      return "stream '\(stream)' has too many structured metadata labels: '\(entry.metadata.count)', limit: "
        + "'\(limits.maxMetadataPairs)'"
    }
    return nil
  }

  private mutating func checkRate(of streams: [PushRequest.Stream], _ tenant: String, _ now: Int64) throws(Refusal) {
    guard let rate = limits.tenantBytesPerSecond else { return }
    if tenantRates.count >= 1000 { tenantRates = [:] }
    let bytes = streams.reduce(0) { $0 + Self.bytes($1.entries) }
    let full = TokenBucket(rate: Double(rate), burst: Double(limits.tenantBurstBytes ?? rate))
    guard !tenantRates[tenant, default: full].take(bytes, now: now) else { return }
    throw Refusal(
      429,
      "ingestion rate limit exceeded for user \(tenant) (limit: \(rate) bytes/sec) while attempting to ingest "
        + "'\(streams.reduce(0) { $0 + $1.entries.count })' lines totaling '\(bytes)' bytes, reduce log volume")
  }

  // MARK: Ingester

  /// Keeps what fits; what is to be answered of what did not.
  private mutating func store(_ request: [PushRequest.Stream], _ tenant: String, _ now: Int64) -> Refusal? {
    var outcome: Refusal?
    for stream in request {
      var refusal: Refusal?
      do throws(Refusal) { try store(stream, tenant, now) } catch { refusal = error }
      outcome = limits.masksErrors ? refusal : outcome ?? refusal
    }
    return outcome
  }

  private mutating func store(_ stream: PushRequest.Stream, _ tenant: String, _ now: Int64) throws(Refusal) {
    let index = try find(Key(tenant: tenant, labels: LabelSet(stream.labels)))
    let name = "\(streams[index].key.labels)"
    let size = Self.bytes(stream.entries)
    if streams[index].rate?.take(size, now: now) == false {
      throw Refusal(
        429,
        "entry with timestamp \(stream.entries[0].timestampNanoseconds) ignored, reason: 'Per stream rate limit exceeded "
          + "(limit: \(limits.streamBytesPerSecond ?? 0)B/sec) while attempting to ingest for stream '\(name)' totaling "
          + "\(size)B',\nuser '\(tenant)', total ignored: \(stream.entries.count) out of \(stream.entries.count) for "
          + "stream: \(name)")
    }
    let (horizon, none) = streams[index].newest.subtractingReportingOverflow(limits.behind.wholeNanoseconds)
    var ignored: [String] = []
    var ignoredCount = 0
    for entry in stream.entries {
      let entry = Entry(timestampNanoseconds: entry.timestampNanoseconds, line: entry.line, metadata: entry.metadata)
      if !none, entry.timestampNanoseconds < horizon {
        ignoredCount += 1
        guard ignored.count < 10 else { continue }
        ignored.append(
          "entry with timestamp \(entry.timestampNanoseconds) ignored, reason: 'entry too far behind, entry timestamp is: "
            + "\(entry.timestampNanoseconds), oldest acceptable timestamp is: \(horizon)'")
      } else {
        keep(entry, index)
      }
    }
    guard ignoredCount > 0 else { return }
    let total = "total ignored: \(ignoredCount) out of \(stream.entries.count) for stream: \(name)"
    throw Refusal(400, "\(ignored.joined(separator: ",\n")),\nuser '\(tenant)', \(total)")
  }

  private mutating func find(_ key: Key) throws(Refusal) -> Int {
    if let known = index[key] { return known }
    guard streamsOfTenant[key.tenant, default: 0] < limits.maxStreams, streams.count < 100_000 else {
      throw Refusal(
        429,
        "maximum active stream limit exceeded when trying to create stream \(key.labels), reduce the number of active "
          + "streams (reduce labels or reduce label values), user: '\(key.tenant)'")
    }
    streamsOfTenant[key.tenant, default: 0] += 1
    index[key] = streams.count
    let rate = limits.streamBytesPerSecond.map {
      TokenBucket(rate: Double($0), burst: Double(limits.streamBurstBytes ?? $0))
    }
    streams.append(Stream(key: key, rate: rate))
    return streams.count - 1
  }

  private mutating func keep(_ entry: Entry, _ index: Int) {
    guard streams[index].kept.insert(entry).inserted else {
      streams[index].duplicates += 1
      duplicates += 1
      return
    }
    streams[index].newest = max(streams[index].newest, entry.timestampNanoseconds)
    streams[index].entries.append(entry)
    arrivals.append(index)
    bytes += Self.size(entry)
    linesStored += 1
    newestLine = entry.line
  }

  private mutating func makeRoom() {
    while bytes > windowBytes, let oldest = arrivals.removeFirst() {
      guard let entry = streams[oldest].entries.removeFirst() else { continue }
      streams[oldest].kept.remove(entry)
      bytes -= Self.size(entry)
      streams[oldest].evicted += 1
      evicted += 1
    }
  }

  /// What Loki counts against rates: lines and metadata, but not labels.
  private static func bytes(_ entries: [PushRequest.Entry]) -> Int {
    entries.reduce(0) { sum, entry in
      sum + entry.line.count + entry.metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
  }

  private static func size(_ entry: Entry) -> Int {
    let metadata = entry.metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 64 }
    return entry.line.count + metadata + 128
  }
}

/// What a distributor left out, grouped as Loki groups it: `3 errors like: …; 1 errors like: …`.
private struct Objections {
  private var counts: [(text: String, count: Int)] = []
  private var index: [String: Int] = [:]

  /// Each may be as long as all labels of a stream, and there may be one for each of millions of entries.
  private static let mostTexts = 20

  mutating func note(_ text: String) {
    if let known = index[text] {
      counts[known].count += 1
    } else if counts.count == Self.mostTexts {
      counts[Self.mostTexts - 1].count += 1
    } else {
      index[text] = counts.count
      counts.append((text, 1))
    }
  }

  var refusal: Refusal? {
    guard let first = counts.first else { return nil }
    if counts.count == 1, first.count == 1 { return Refusal(400, first.text) }
    return Refusal(400, counts.map { "\($0.count) errors like: \($0.text)" }.joined(separator: "; "))
  }
}

extension Duration {
  /// Whole nanoseconds; as many as there can be where that is more.
  fileprivate var wholeNanoseconds: Int64 {
    let (seconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : seconds.addingReportingOverflow(components.attoseconds / 1_000_000_000).partialValue
  }
}
