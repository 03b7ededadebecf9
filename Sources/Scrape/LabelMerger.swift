// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Puts a target's labels on scraped series.
///
/// Without `honorLabels` the target's label wins and the scraped one of the same name becomes `exported_…`, prefixed
/// again until nothing else is called so. With it the scraped one wins, even when its value is empty: then the series
/// has no such label at all.
struct LabelMerger: Sendable {
  private static let prefix = Array("exported_".utf8)

  private struct PackedLabel: Sendable {
    var label: LabelRanges
    var packed: Range<Int>
  }

  private struct Entry: Sendable {
    var isTargets: Bool
    var prefixes = 0  // how many times `exported_` stands before the name
    var label: LabelRanges
    var packed: Range<Int>  // the label with its length prefixes

    init(_ label: PackedLabel, isTargets: Bool) {
      self.label = label.label
      self.packed = label.packed
      self.isTargets = isTargets
    }
  }

  private let target: [UInt8]
  private let targetLabels: [PackedLabel]
  private let honorLabels: Bool
  private var entries: [Entry] = []
  private var conflicts: [Int] = []
  private var renamed: [UInt8] = []
  /// The result of `merge`: packed labels.
  private(set) var merged: [UInt8] = []

  init(target: LabelSet, honorLabels: Bool) {
    self.target = target.packed
    self.honorLabels = honorLabels
    var labels: [PackedLabel] = []
    var offset = 0
    while let label = Self.next(target.packed.span, &offset) { labels.append(label) }
    targetLabels = labels
  }

  /// Merges the target's labels and the packed `scraped` into `merged`.
  mutating func merge(_ scraped: Span<UInt8>) {
    entries.removeAll(keepingCapacity: true)
    conflicts.removeAll(keepingCapacity: true)
    interleave(scraped)
    if !conflicts.isEmpty { renameConflicts(scraped) }
    write(scraped)
  }

  /// Both lists are sorted, so one walk finds every pair of the same name.
  private mutating func interleave(_ scraped: Span<UInt8>) {
    var next = 0
    var offset = 0
    while let label = Self.next(scraped, &offset) {
      var order = -1
      while next < targetLabels.count {
        order = compare(target.span, targetLabels[next].label.name, scraped, label.label.name)
        guard order < 0 else { break }
        entries.append(Entry(targetLabels[next], isTargets: true))
        next += 1
      }
      if next < targetLabels.count, order == 0 {
        resolve(label, targetLabels[next])
        next += 1
      } else if !label.label.value.isEmpty {
        entries.append(Entry(label, isTargets: false))
      }
    }
    for label in targetLabels[next...] { entries.append(Entry(label, isTargets: true)) }
  }

  private static func next(_ packed: Span<UInt8>, _ offset: inout Int) -> PackedLabel? {
    let start = offset
    guard let label = readLabel(packed, at: &offset) else { return nil }
    return PackedLabel(label: label, packed: start..<offset)
  }

  private mutating func resolve(_ scraped: PackedLabel, _ targets: PackedLabel) {
    if honorLabels {
      if !scraped.label.value.isEmpty { entries.append(Entry(scraped, isTargets: false)) }
      return
    }
    entries.append(Entry(targets, isTargets: true))
    guard !scraped.label.value.isEmpty else { return }
    conflicts.append(entries.count)
    entries.append(Entry(scraped, isTargets: false))
  }

  /// Shorter names first, as Prometheus does; never more of them than the target has labels.
  private mutating func renameConflicts(_ scraped: Span<UInt8>) {
    conflicts.sort { (entries[$0].label.name.count, $0) < (entries[$1].label.name.count, $1) }
    for index in conflicts {
      repeat { entries[index].prefixes += 1 } while isTaken(index, scraped)
    }
    // Few of them, at places of their own: insertion sort is linear in the rest.
    for index in entries.indices.dropFirst() {
      var place = index
      while place > 0, precedes(entries[place], entries[place - 1], scraped) {
        entries.swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  private func isTaken(_ index: Int, _ scraped: Span<UInt8>) -> Bool {
    entries.indices.contains { other in
      // A conflict that has not been renamed yet does not keep its old name either.
      guard other != index, !(conflicts.contains(other) && entries[other].prefixes == 0) else { return false }
      return isSameName(entries[other], entries[index], scraped)
    }
  }

  private func isSameName(_ left: Entry, _ right: Entry, _ scraped: Span<UInt8>) -> Bool {
    let count = nameCount(left)
    guard count == nameCount(right) else { return false }
    for index in 0..<count where nameByte(left, index, scraped) != nameByte(right, index, scraped) { return false }
    return true
  }

  private func nameCount(_ entry: Entry) -> Int { entry.prefixes * Self.prefix.count + entry.label.name.count }

  private func precedes(_ left: Entry, _ right: Entry, _ scraped: Span<UInt8>) -> Bool {
    let (leftCount, rightCount) = (nameCount(left), nameCount(right))
    for index in 0..<min(leftCount, rightCount) {
      let (one, other) = (nameByte(left, index, scraped), nameByte(right, index, scraped))
      if one != other { return one < other }
    }
    return leftCount < rightCount
  }

  private func nameByte(_ entry: Entry, _ index: Int, _ scraped: Span<UInt8>) -> UInt8 {
    let prefixed = entry.prefixes * Self.prefix.count
    if index < prefixed { return Self.prefix[index % Self.prefix.count] }
    let place = entry.label.name.lowerBound + index - prefixed
    return entry.isTargets ? target[place] : scraped[place]
  }

  private mutating func write(_ scraped: Span<UInt8>) {
    var bytes: [UInt8] = []
    swap(&bytes, &merged)
    bytes.removeAll(keepingCapacity: true)
    var index = 0
    while index < entries.count {
      let first = entries[index]
      var run = first.packed
      index += 1
      guard first.prefixes == 0 else {
        writeRenamed(first, scraped, to: &bytes)
        continue
      }
      // Neighbours that already stand side by side are copied in one go.
      while index < entries.count, entries[index].isTargets == first.isTargets, entries[index].prefixes == 0,
        entries[index].packed.lowerBound == run.upperBound
      {
        run = run.lowerBound..<entries[index].packed.upperBound
        index += 1
      }
      if first.isTargets {
        copy(target.span.extracting(run), to: &bytes)
      } else {
        copy(scraped.extracting(run), to: &bytes)
      }
    }
    swap(&bytes, &merged)
  }

  private mutating func writeRenamed(_ entry: Entry, _ scraped: Span<UInt8>, to bytes: inout [UInt8]) {
    renamed.removeAll(keepingCapacity: true)
    for index in 0..<nameCount(entry) { renamed.append(nameByte(entry, index, scraped)) }
    appendLengthPrefixed(renamed.span, to: &bytes)
    appendLengthPrefixed(scraped.extracting(entry.label.value), to: &bytes)
  }
}

private func copy(_ source: Span<UInt8>, to bytes: inout [UInt8]) {
  unsafe source.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
}

private func compare(_ left: Span<UInt8>, _ leftRange: Range<Int>, _ right: Span<UInt8>, _ rightRange: Range<Int>)
  -> Int
{
  for step in 0..<min(leftRange.count, rightRange.count) {
    let (one, other) = (left[leftRange.lowerBound + step], right[rightRange.lowerBound + step])
    if one != other { return Int(one) - Int(other) }
  }
  return leftRange.count - rightRange.count
}
