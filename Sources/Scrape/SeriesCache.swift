// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The series of a target's last scrapes, by the packed labels they are sent with.
///
/// What repeated scrapes cost: a page mostly lists its series in the order of the last one, so the series after the one
/// found last is compared first, and only a miss is hashed (with a seed of this process, so that a target cannot choose
/// colliding labels). Nothing is allocated while the series stay the same.
struct SeriesCache: Sendable {
  struct Entry: Sendable {
    var offset: Int
    var count: Int
    var hash: Int
    /// The last scrape that had it.
    var seen: UInt32
    /// The last scrape that had it and promised a staleness marker.
    var tracked: UInt32
    /// The timestamp of its last sample.
    var timestamp: Int64
  }

  private(set) var entries: [Entry] = []
  private var bytes: [UInt8] = []
  private var slots: [Int32] = []  // open addressing; an index into entries plus one, or 0; a power of two of them
  private var likely = 0

  /// The entry of `labels`; a new one is `seen` and `tracked` never.
  mutating func find(_ labels: [UInt8]) -> (index: Int, isNew: Bool) {
    if likely < entries.count, isEqual(entries[likely], labels) {
      likely += 1
      return (likely - 1, false)
    }
    if (entries.count + 1) * 4 > slots.count * 3 { rehash(to: max(16, slots.count * 2)) }
    let hash = Self.hash(labels)
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].hash == hash, isEqual(entries[index], labels) {
        likely = index + 1
        return (index, false)
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(entries.count + 1)
    entries.append(
      Entry(offset: bytes.count, count: labels.count, hash: hash, seen: 0, tracked: 0, timestamp: .min))
    bytes.append(contentsOf: labels)
    likely = entries.count
    return (entries.count - 1, true)
  }

  /// The next scrape begins with the first series again.
  mutating func rewind() { likely = 0 }

  mutating func mark(_ index: Int, seen: UInt32, timestamp: Int64) {
    entries[index].seen = seen
    entries[index].timestamp = timestamp
  }

  mutating func track(_ index: Int, in scrape: UInt32) { entries[index].tracked = scrape }

  /// No series is tracked: all have got their markers.
  mutating func untrackAll() {
    for index in entries.indices { entries[index].tracked = 0 }
  }

  /// The packed labels of `entry`.
  func withLabels<Result>(_ entry: Entry, _ body: (Span<UInt8>) -> Result) -> Result {
    body(bytes.span.extracting(entry.offset..<entry.offset + entry.count))
  }

  /// Forgets what scrape `current` did not have, and gives back memory where that was most.
  mutating func keepOnly(seen current: UInt32) {
    guard entries.contains(where: { $0.seen != current }) else { return }
    keep { $0.seen == current }
  }

  /// Forgets the entries from `count` on: those of a scrape that failed half way.
  mutating func truncate(to count: Int) {
    guard count < entries.count else { return }
    bytes.removeSubrange(entries[count].offset...)
    entries.removeSubrange(count...)
    rehash(to: slots.count)
  }

  private mutating func keep(_ isKept: (Entry) -> Bool) {
    var kept: [Entry] = []
    var keptBytes: [UInt8] = []
    let size = entries.reduce((0, 0)) { isKept($1) ? ($0.0 + 1, $0.1 + $1.count) : $0 }
    kept.reserveCapacity(size.0)
    keptBytes.reserveCapacity(size.1)
    for var entry in entries where isKept(entry) {
      keptBytes.append(contentsOf: bytes[entry.offset..<entry.offset + entry.count])
      entry.offset = keptBytes.count - entry.count
      kept.append(entry)
    }
    entries = kept
    bytes = keptBytes
    var slotCount = 16
    while entries.count * 2 > slotCount { slotCount *= 2 }
    rehash(to: slotCount)
  }

  private mutating func rehash(to count: Int) {
    slots = Array(repeating: 0, count: count)
    let mask = count - 1
    for index in entries.indices {
      var slot = entries[index].hash & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(index + 1)
    }
  }

  private func isEqual(_ entry: Entry, _ labels: [UInt8]) -> Bool {
    guard entry.count == labels.count else { return false }
    let range = entry.offset..<entry.offset + entry.count
    // Bounds are checked by `extracting`; both hold `count` bytes.
    return unsafe bytes.span.extracting(range).withUnsafeBytes { own in
      unsafe labels.withUnsafeBytes { other in
        guard let own = own.baseAddress, let other = other.baseAddress else { return true }
        return unsafe memcmp(own, other, entry.count) == 0
      }
    }
  }

  private static func hash(_ labels: [UInt8]) -> Int {
    var hasher = Hasher()
    unsafe labels.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
