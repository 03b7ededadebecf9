// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// The series of a target's last scrapes, by the packed labels they are sent with, and when each was there.
struct SeriesCache: Sendable {
  struct Entry: Sendable {
    /// The last scrape that had it.
    var seen: UInt32 = 0
    /// The last scrape that had it and promised a staleness marker.
    var tracked: UInt32 = 0
    /// The timestamp of its last sample.
    var timestamp = Int64.min
  }

  /// In the order of the index.
  private(set) var entries: [Entry] = []
  private var index = LabelIndex()

  /// The entry of `labels`; a new one is `seen` and `tracked` never.
  mutating func find(_ labels: [UInt8]) -> (index: Int, isNew: Bool) {
    let (number, isNew) = index.find(labels.span)
    if isNew { entries.append(Entry()) }
    return (number, isNew)
  }

  /// The next scrape begins with the first series again.
  mutating func rewind() { index.rewind() }

  mutating func mark(_ index: Int, seen: UInt32, timestamp: Int64) {
    entries[index].seen = seen
    entries[index].timestamp = timestamp
  }

  mutating func track(_ index: Int, in scrape: UInt32) { entries[index].tracked = scrape }

  /// No series is tracked: all have got their markers.
  mutating func untrackAll() {
    for index in entries.indices { entries[index].tracked = 0 }
  }

  /// Appends a sample of the series at `number` to `batch`.
  func append(_ number: Int, bits: UInt64, timestampMilliseconds: Int64, to batch: inout SeriesBatch) {
    let labels = index.bytes.span.extracting(index.range(of: number))
    batch.append(packedLabels: labels, bits: bits, timestampMilliseconds: timestampMilliseconds)
  }

  /// Forgets what scrape `current` did not have, and gives back memory where that was most.
  mutating func keepOnly(seen current: UInt32) {
    guard entries.contains(where: { $0.seen != current }) else { return }
    index.keepOnly(entries.map { $0.seen == current })
    entries = entries.filter { $0.seen == current }
  }

  /// Forgets the entries from `count` on: those of a scrape that failed half way.
  mutating func truncate(to count: Int) {
    guard count < entries.count else { return }
    index.truncate(to: count)
    entries.removeSubrange(count...)
  }
}
