// SPDX-License-Identifier: Apache-2.0

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
  private var bytes: [UInt8] = []
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

  /// Says that the next batch begins with the first series again.
  public mutating func rewind() { likely = 0 }

  /// Forgets everything and gives the memory back.
  public mutating func removeAll() { self = LabelIndex() }

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
    let own = bytes.span.extracting(entry.range)
    for index in 0..<labels.count where own[index] != labels[index] { return false }
    return true
  }

  private static func hash(_ labels: Span<UInt8>) -> Int {
    var hasher = Hasher()
    unsafe labels.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    return hasher.finalize()
  }
}
