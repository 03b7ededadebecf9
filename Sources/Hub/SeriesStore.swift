// SPDX-License-Identifier: Apache-2.0

public import Telemetry
internal import Wire

/// A series as the hub has received it, within its window.
public struct ReceivedSeries: Sendable, Equatable {
  /// One value at one time.
  public struct Sample: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var timestampMilliseconds: Int64
    /// The value's bits.
    public var valueBits: UInt64

    /// A sample.
    public init(timestampMilliseconds: Int64, valueBits: UInt64) {
      self.timestampMilliseconds = timestampMilliseconds
      self.valueBits = valueBits
    }

    /// The value.
    public var value: Double { Double(bitPattern: valueBits) }
  }

  /// Its labels.
  public var labels: LabelSet
  /// The samples taken, in order of arrival, without the oldest that had to make room.
  public var samples: [Sample]
  /// How many samples came again, identical; they are not in `samples` twice.
  public var duplicates: Int
  /// How many samples had to make room.
  public var evicted: Int
}

/// Samples by series, under Prometheus's rules: a request is taken whole or not at all.
///
/// Stricter in two things Prometheus passes over in silence, and loses: labels that are wrong, and samples out of order
/// within one request. Here both refuse the request.
struct SeriesStore {
  struct Limits {
    var windowBytes = 64 << 20
    var maxSeries = 200_000
    var outOfOrderWindow: Int64 = 0  // milliseconds
    var future: Int64 = 600_000
    var past: Int64 = 3_600_000  // behind the newest sample of any series, without an out-of-order window
  }

  private typealias Sample = ReceivedSeries.Sample

  private struct Series {
    var labels: LabelSet
    var samples = FIFO<Sample>()
    var newest: Sample
    var duplicates = 0
    var evicted = 0
  }

  /// What one request would change, put aside until all of it is known to be good.
  private struct Draft {
    var newest: [Int: Sample] = [:]  // by series
    var accepted: [(series: Int, sample: Sample)] = []
    var duplicates: [Int] = []  // series, once for each
    var created: [LabelSet] = []
    var createdIndex: [LabelSet: Int] = [:]
    var head: Int64?
  }

  private static let bytesPerSample = MemoryLayout<Sample>.stride + MemoryLayout<Int>.stride

  var limits = Limits()
  private var series: [Series] = []
  private var index: [LabelSet: Int] = [:]
  private var arrivals = FIFO<Int>()  // the series of each sample kept
  private var head: Int64?  // the newest timestamp of all
  private(set) var samplesStored = 0
  private(set) var duplicates = 0
  private(set) var evicted = 0
  private(set) var metadata: [String: MetricFamily] = [:]

  var seriesCount: Int { series.count }

  init(limits: Limits = Limits()) { self.limits = limits }

  /// The series named `name`, or all, in the order they first came; at most `limit`.
  func received(name: String? = nil, limit: Int = .max) -> [ReceivedSeries] {
    series.lazy.filter { name == nil || $0.labels["__name__"] == name }.prefix(limit).map {
      ReceivedSeries(
        labels: $0.labels, samples: Array($0.samples.contents), duplicates: $0.duplicates, evicted: $0.evicted)
    }
  }

  func received(_ labels: LabelSet) -> ReceivedSeries? {
    index[labels].map { series[$0] }.map {
      ReceivedSeries(
        labels: $0.labels, samples: Array($0.samples.contents), duplicates: $0.duplicates, evicted: $0.evicted)
    }
  }

  /// Takes all of `request`, or throws and is as before. `now` is milliseconds since 1970.
  mutating func write(_ request: WriteRequest, now: Int64) throws(Refusal) {
    var draft = Draft()
    draft.head = head
    for series in request.series {
      let labels = try checkedLabels(series)
      let index = find(labels, &draft)
      for sample in series.samples {
        let sample = Sample(timestampMilliseconds: sample.timestampMilliseconds, valueBits: sample.valueBits)
        try check(sample, index, labels, now, &draft)
      }
    }
    guard series.count + draft.created.count <= limits.maxSeries else {
      throw Refusal(429, "the trial hub keeps at most \(limits.maxSeries) series")
    }
    commit(draft)
    for family in request.metadata where metadata.count < 10_000 || metadata[family.name] != nil {
      metadata[family.name] = family
    }
  }

  private func find(_ labels: LabelSet, _ draft: inout Draft) -> Int {
    if let known = index[labels] ?? draft.createdIndex[labels] { return known }
    let new = series.count + draft.created.count
    draft.created.append(labels)
    draft.createdIndex[labels] = new
    return new
  }

  private func checkedLabels(_ series: WriteRequest.Series) throws(Refusal) -> LabelSet {
    func invalid(_ reason: String) -> Refusal {
      let text = series.labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ", ")
      return Refusal(400, "invalid labels for series {\(text.prefix(500))}: \(reason)")
    }
    var previous: Label?
    for label in series.labels {
      guard !label.name.isEmpty, !label.value.isEmpty else { throw invalid("empty name or value") }
      if let previous {
        guard previous.name != label.name else { throw invalid("label \(label.name) twice") }
        guard previous.name.utf8.lexicographicallyPrecedes(label.name.utf8) else { throw invalid("not sorted") }
      }
      previous = label
    }
    guard series.labels.contains(where: { $0.name == "__name__" }) else { throw invalid("no __name__") }
    return LabelSet(series.labels)
  }

  private func check(
    _ sample: Sample, _ index: Int, _ labels: LabelSet, _ now: Int64, _ draft: inout Draft
  ) throws(Refusal) {
    let time = sample.timestampMilliseconds
    func refused(_ reason: String) -> Refusal { Refusal(400, "\(reason) for series \(labels), timestamp \(time)") }

    guard time <= now.addingReportingOverflow(limits.future).partialValue else {
      throw refused("out of bounds: timestamp is too far in the future")
    }
    if limits.outOfOrderWindow == 0 { try checkFloor(time, draft, refused) }
    if let newest = draft.newest[index] ?? (index < series.count ? series[index].newest : nil) {
      if sample == newest { return draft.duplicates.append(index) }
      if time == newest.timestampMilliseconds { throw refused("duplicate sample for timestamp") }
      if time < newest.timestampMilliseconds {
        guard limits.outOfOrderWindow > 0 else { throw refused("out of order sample") }
        return try checkLate(sample, index, labels, &draft)
      }
    } else {
      try checkFloor(time, draft, refused)
    }
    draft.newest[index] = sample
    draft.head = max(draft.head ?? time, time)
    draft.accepted.append((index, sample))
  }

  /// A sample older than its series' newest, within the out-of-order window.
  private func checkLate(
    _ sample: Sample, _ index: Int, _ labels: LabelSet, _ draft: inout Draft
  ) throws(Refusal) {
    let time = sample.timestampMilliseconds
    func refused(_ reason: String) -> Refusal { Refusal(400, "\(reason) for series \(labels), timestamp \(time)") }
    try checkFloor(time, draft, refused)
    let kept = index < series.count ? series[index].samples.contents : []
    let drafted = draft.accepted.lazy.filter { $0.series == index }.map(\.sample)
    guard
      let same = kept.last(where: { $0.timestampMilliseconds == time })
        ?? drafted.first(where: { $0.timestampMilliseconds == time })
    else { return draft.accepted.append((index, sample)) }
    guard same == sample else { throw refused("duplicate sample for timestamp") }
    draft.duplicates.append(index)
  }

  private func checkFloor(_ time: Int64, _ draft: Draft, _ refused: (String) -> Refusal) throws(Refusal) {
    guard let head = draft.head else { return }
    let age = head.subtractingReportingOverflow(time)
    let behind = age.overflow ? .max : age.partialValue
    if limits.outOfOrderWindow > 0 {
      // As Prometheus before 2.49 does, and Debian's.
      guard behind <= limits.outOfOrderWindow else { throw Refusal(500, refused("too old sample").text) }
    } else {
      guard behind <= limits.past else { throw refused("out of bounds") }
    }
  }

  private mutating func commit(_ draft: Draft) {
    for labels in draft.created {
      index[labels] = series.count
      series.append(Series(labels: labels, newest: Sample(timestampMilliseconds: .min, valueBits: 0)))
    }
    for (index, sample) in draft.accepted {
      series[index].samples.append(sample)
      arrivals.append(index)
    }
    for (index, sample) in draft.newest { series[index].newest = sample }
    for index in draft.duplicates { series[index].duplicates += 1 }
    head = draft.head
    samplesStored += draft.accepted.count
    duplicates += draft.duplicates.count
    makeRoom()
  }

  private mutating func makeRoom() {
    while arrivals.count * Self.bytesPerSample > limits.windowBytes, let oldest = arrivals.removeFirst() {
      _ = series[oldest].samples.removeFirst()
      series[oldest].evicted += 1
      evicted += 1
    }
  }
}
