// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// A batch that is being filled with entries of a journal.
struct JournalBatch {
  /// The name of the one source of a journal reader.
  static let source = Array("journal".utf8)

  private let options: JournalOptions
  private let own = OwnEntries()
  private let origin: String
  private var labels: JournalLabels
  private var json = JournalJSON()
  private var batch: LogBatch
  private var line: [UInt8] = []
  private var position: [UInt8] = []

  /// What has happened since `take`.
  private(set) var changes = JournalStatistics.Snapshot()
  /// Where the journal stands after all that was added, also of what was left out; nil when nothing was.
  private(set) var end: JournalPosition?
  /// About how many bytes it has.
  private(set) var bytes = 0

  init(_ options: JournalOptions, origin: String) {
    self.options = options
    self.origin = origin
    labels = JournalLabels(labels: options.labels, rules: options.rules)
    batch = LogBatch(origin: origin)
    begin(audience: nil)
  }

  /// Forgets everything and begins a batch for `audience`.
  mutating func begin(audience: Set<String>?) {
    batch = LogBatch(origin: origin)
    batch.audience = audience
    batch.sources = [LogBatch.Source(name: Self.source)]
    labels.beginBatch()
    changes = JournalStatistics.Snapshot()
    end = nil
    bytes = 0
  }

  /// Whether it has no entries, whatever was left out.
  var isEmpty: Bool { batch.entries.isEmpty }

  /// What was filled, with where the journal stands after it.
  func finished(moreFollows: Bool) -> LogBatch {
    var batch = batch
    batch.moreFollows = moreFollows
    batch.sources[0].position = end?.bytes
    return batch
  }

  /// Says that all up to `position` is accounted for.
  mutating func passed(_ position: JournalPosition) { end = position }

  /// Adds the entry at which `handle` stands and which `position` is after; returns how many bytes its line has.
  mutating func add(_ handle: JournalHandle, _ position: JournalPosition) throws(SystemError) {
    line.removeAll(keepingCapacity: true)
    guard let changes = try makeLine(of: handle, position) else { return self.changes.withoutMessage += 1 }
    if try own.contains(handle, line: options.formatAsJSON ? nil : line, position) { return self.changes.own += 1 }
    let before = batch.labelSets.count
    guard let labels = labels.finish(in: &batch) else { return self.changes.withoutLabels += 1 }
    JournalPosition.encode(position.text, rank: position.rank, into: &self.position)
    let (line, encoded) = (line, self.position)  // what a span is taken of may not be part of what is changed
    batch.append(
      line: line.span, timestampNanoseconds: position.timestampNanoseconds, labels: labels, source: 0,
      position: encoded.span)
    bytes += line.count + encoded.count + MemoryLayout<LogBatch.Entry>.stride
    bytes += batch.labelSets[before...].reduce(0) { $0 + $1.packed.count + 32 }
    self.changes.lines += 1
    if changes.contains(.cut) { self.changes.cutLines += 1 }
    if changes.contains(.repaired) { self.changes.repairedLines += 1 }
  }

  /// Puts the line into `line` and shows the fields to `labels`; nil when the entry has no message.
  private mutating func makeLine(
    of handle: JournalHandle, _ position: JournalPosition
  ) throws(SystemError) -> LineText.Changes? {
    labels.beginEntry()
    var changes: LineText.Changes?
    guard options.formatAsJSON || labels.wantsFields else {
      _ = try handle.withField("MESSAGE") { changes = LineText.append($0, to: &line) }
      return changes
    }
    if options.formatAsJSON {
      json.beginEntry(realtime: position.cursor.realtime, monotonic: position.cursor.monotonic)
    }
    try handle.forEachField { name, value in
      if options.formatAsJSON {
        json.take(name, value)
      } else if changes == nil, equal(name, 0..<name.count, "MESSAGE") {
        changes = LineText.append(value, to: &line)
      }
      if labels.wantsFields { labels.take(name, value) }
    }
    return options.formatAsJSON ? json.finish(into: &line) : changes
  }
}
