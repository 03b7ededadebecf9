// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Numbers label sets in the order they are first seen: what caches of series are built on.
///
/// Batches mostly list their series in the order of the batch before, so the set after the one found last is compared
/// first and only a miss is hashed, with a seed of this process, so that nobody outside can choose labels that collide.
/// Nothing is allocated while the series stay the same.
public struct LabelIndex: Sendable {
  private struct Entry: Sendable {
    var range: Range<Int>
    var hash: Int
  }

  private var entries: [Entry] = []
  /// The packed labels of all sets.
  public private(set) var bytes: [UInt8] = []
  private var slots: [Int32] = []  // open addressing: an index into entries plus one, or 0; a power of two of them
  private var likely = 0

  /// An index that has seen nothing.
  public init() {}

  /// How many label sets it knows; their numbers are below it.
  public var count: Int { entries.count }

  /// The number of packed `labels`, and whether they were not known before.
  public mutating func find(_ labels: Span<UInt8>) -> (number: Int, isNew: Bool) {
    if likely < entries.count, isEqual(entries[likely], labels) {
      likely += 1
      return (likely - 1, false)
    }
    if (entries.count + 1) * 4 > slots.count * 3 { rehash(to: max(16, slots.count * 2)) }
    let hash = Self.hash(labels)
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if entries[number].hash == hash, isEqual(entries[number], labels) {
        likely = number + 1
        return (number, false)
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(entries.count + 1)
    let start = bytes.count
    unsafe labels.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    entries.append(Entry(range: start..<bytes.count, hash: hash))
    likely = entries.count
    return (entries.count - 1, true)
  }

  /// Where the packed labels of set `number` stand in `bytes`.
  public func range(of number: Int) -> Range<Int> { entries[number].range }

  /// Says that the next batch begins with the first series again.
  public mutating func rewind() { likely = 0 }

  /// Forgets everything and gives the memory back.
  public mutating func removeAll() { self = LabelIndex() }

  /// Forgets the sets from number `count` on.
  public mutating func truncate(to count: Int) {
    guard count < entries.count else { return }
    bytes.removeSubrange(entries[count].range.lowerBound...)
    entries.removeSubrange(count...)
    likely = 0
    rehash(to: slots.count)
  }

  /// Forgets the sets whose place in `isKept` says false, gives back their memory, and numbers the rest anew, in order.
  public mutating func keepOnly(_ isKept: [Bool]) {
    let size = entries.indices.reduce((0, 0)) {
      isKept[$1] ? ($0.0 + 1, $0.1 + entries[$1].range.count) : $0
    }
    var kept: [Entry] = []
    var keptBytes: [UInt8] = []
    kept.reserveCapacity(size.0)
    keptBytes.reserveCapacity(size.1)
    for (number, entry) in entries.enumerated() where isKept[number] {
      let start = keptBytes.count
      keptBytes.append(contentsOf: bytes[entry.range])
      kept.append(Entry(range: start..<keptBytes.count, hash: entry.hash))
    }
    entries = kept
    bytes = keptBytes
    likely = 0
    var slotCount = 16
    while entries.count * 2 > slotCount { slotCount *= 2 }
    rehash(to: slotCount)
  }

  private mutating func rehash(to count: Int) {
    slots = Array(repeating: 0, count: count)
    let mask = count - 1
    for number in entries.indices {
      var slot = entries[number].hash & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(number + 1)
    }
  }

  private func isEqual(_ entry: Entry, _ labels: Span<UInt8>) -> Bool {
    guard entry.range.count == labels.count else { return false }
    // Both are in bounds, which `extracting` checks, and hold as many bytes.
    return unsafe bytes.span.extracting(entry.range).withUnsafeBytes { own in
      unsafe labels.withUnsafeBytes { other in
        guard let own = own.baseAddress, let other = other.baseAddress else { return true }
        return unsafe memcmp(own, other, entry.range.count) == 0
      }
    }
  }

  private static func hash(_ labels: Span<UInt8>) -> Int {
    var hasher = Hasher()
    unsafe labels.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
