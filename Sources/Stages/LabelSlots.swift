// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Labels, or structured metadata, of an entry that is being worked on: places in the entry's bytes.
struct LabelSlots: Sendable {
  struct Slot: Sendable {
    var name: Range<Int>
    var value: Range<Int>
  }

  /// More than anything has; a line must not make looking up names slow.
  static let limit = 512

  private(set) var slots: [Slot] = []
  private var loaded: [Slot] = []
  private var sortedCount = 0  // the first so many are in the order of their names
  private(set) var isChanged = false
  private var packed = 0..<0

  /// Takes what is packed at `range` of `bytes`.
  mutating func load(_ range: Range<Int>, of bytes: [UInt8]) {
    slots.removeAll(keepingCapacity: true)
    isChanged = false
    packed = range
    sortedCount = 0
    guard !range.isEmpty || !loaded.isEmpty else { return }
    loaded.removeAll(keepingCapacity: true)
    var offset = range.lowerBound
    while offset < range.upperBound, let label = readLabel(bytes.span, at: &offset) {
      loaded.append(Slot(name: label.name, value: label.value))
    }
    slots.append(contentsOf: loaded)
    sortedCount = slots.count
  }

  /// Takes what was loaded last, which stands where it stood.
  mutating func reload() {
    guard isChanged else { return }
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: loaded)
    sortedCount = slots.count
    isChanged = false
  }

  func index(of name: Span<UInt8>, in bytes: [UInt8]) -> Int? {
    let span = bytes.span
    for index in slots.indices where equal(span.extracting(slots[index].name), name) { return index }
    return nil
  }

  mutating func set(_ index: Int, to value: Range<Int>) {
    slots[index].value = value
    isChanged = true
  }

  mutating func append(_ name: Range<Int>, _ value: Range<Int>) {
    guard slots.count < Self.limit else { return }
    slots.append(Slot(name: name, value: value))
    isChanged = true
  }

  mutating func remove(at index: Int) {
    slots.remove(at: index)
    if index < sortedCount { sortedCount -= 1 }
    isChanged = true
  }

  /// Appends the packed form to `output`: sorted by name.
  mutating func pack(_ bytes: [UInt8], into output: inout [UInt8]) {
    let span = bytes.span
    guard isChanged else {
      guard !packed.isEmpty else { return }
      return unsafe span.extracting(packed).withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }
    sort(span)
    var size = 0  // at most: a length has five bytes
    for slot in slots { size += 10 + slot.name.count + slot.value.count }
    output.append(addingCapacity: size) { output in
      for slot in slots {
        output.appendLengthPrefixed(span.extracting(slot.name))
        output.appendLengthPrefixed(span.extracting(slot.value))
      }
    }
  }

  /// Insertion sort: there are few, and most are in order.
  private mutating func sort(_ bytes: Span<UInt8>) {
    for index in max(1, sortedCount)..<max(1, slots.count) {
      let slot = slots[index]
      var place = index
      while place > 0, precedes(bytes.extracting(slot.name), bytes.extracting(slots[place - 1].name)) {
        slots[place] = slots[place - 1]
        place -= 1
      }
      slots[place] = slot
    }
    sortedCount = slots.count
  }
}
