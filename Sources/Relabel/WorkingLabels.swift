// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// The labels of one series while rules work on it: places in one growing buffer of text.
///
/// The order is the one in which Prometheus's rules see labels, which matters when `labelmap` sends two to one name:
/// first those the series came with and nobody has set since, by name; then those that were set, in that order.
struct WorkingLabels: Sendable {
  struct Entry: Sendable {
    var name: Piece
    var value: Piece
    var wasSet: Bool
  }

  /// Text with its length before it, as the packed form has it.
  struct Piece: Sendable {
    var start: Int
    var text: Range<Int>
  }

  private(set) var text: [UInt8] = []
  private(set) var entries: [Entry] = []
  private var packedCount = 0  // the packed labels, as they came, are the beginning of `text`
  private var isChanged = false

  mutating func load(_ packed: Span<UInt8>) {
    text.removeAll(keepingCapacity: true)
    unsafe packed.withUnsafeBufferPointer { unsafe text.append(contentsOf: $0) }
    packedCount = text.count
    entries.removeAll(keepingCapacity: true)
    isChanged = false
    var offset = 0
    while true {
      let start = offset
      guard let label = readLabel(packed, at: &offset) else { return }
      if label.value.isEmpty {
        isChanged = true
        continue
      }
      let name = Piece(start: start, text: label.name)
      entries.append(Entry(name: name, value: Piece(start: label.name.upperBound, text: label.value), wasSet: false))
    }
  }

  /// The place of the label called `name`.
  func index(of name: [UInt8]) -> Int? {
    for index in entries.indices where isEqual(text.span.extracting(entries[index].name.text), name.span) {
      return index
    }
    return nil
  }

  /// Sets a label; an empty value removes it.
  mutating func set(_ name: [UInt8], to value: [UInt8]) {
    guard !value.isEmpty else { return remove(name) }
    isChanged = true
    guard let index = index(of: name) else {
      return entries.append(Entry(name: add(name), value: add(value), wasSet: true))
    }
    if entries[index].wasSet {
      entries[index].value = add(value)
    } else {
      let entry = entries.remove(at: index)
      entries.append(Entry(name: entry.name, value: add(value), wasSet: true))
    }
  }

  private mutating func add(_ bytes: [UInt8]) -> Piece {
    let start = text.count
    appendLengthPrefixed(bytes.span, to: &text)
    return Piece(start: start, text: (text.count - bytes.count)..<text.count)
  }

  mutating func remove(_ name: [UInt8]) {
    guard let index = index(of: name) else { return }
    entries.remove(at: index)
    isChanged = true
  }

  /// Removes the labels whose names match, or those whose names do not.
  mutating func removeAll(where matcher: ValueMatcher, matches: Bool) {
    let count = entries.count
    var kept = 0
    for index in 0..<count {
      guard matcher.matches(text.span.extracting(entries[index].name.text)) != matches else { continue }
      entries[kept] = entries[index]
      kept += 1
    }
    guard kept < count else { return }
    entries.removeLast(count - kept)
    isChanged = true
  }

  /// Replaces the contents of `output` with the labels, packed and sorted.
  mutating func pack(into output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    guard isChanged else {
      output.append(contentsOf: text[..<packedCount])
      return
    }
    sort()
    // Labels that stand side by side in `text`, as most do, are copied in one go.
    var run = 0..<0
    for entry in entries {
      extend(&run, by: entry.name, into: &output)
      extend(&run, by: entry.value, into: &output)
    }
    output.append(contentsOf: text[run])
  }

  private func extend(_ run: inout Range<Int>, by piece: Piece, into output: inout [UInt8]) {
    if piece.start == run.upperBound {
      run = run.lowerBound..<piece.text.upperBound
    } else {
      output.append(contentsOf: text[run])
      run = piece.start..<piece.text.upperBound
    }
  }

  /// Insertion sort: series have a handful of labels and most are in order.
  private mutating func sort() {
    for index in entries.indices.dropFirst() {
      let entry = entries[index]
      var place = index
      while place > 0, precedes(entry.name.text, entries[place - 1].name.text) {
        entries[place] = entries[place - 1]
        place -= 1
      }
      entries[place] = entry
    }
  }

  private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
    let (left, right) = (text.span.extracting(left), text.span.extracting(right))
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return left[index] < right[index]
    }
    return left.count < right.count
  }
}
