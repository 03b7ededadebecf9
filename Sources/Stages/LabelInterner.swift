// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Gives equal labels one `LabelSet`, so that nothing is allocated for labels seen before.
struct LabelInterner {
  /// Labels remembered; what a line may choose must not grow without end.
  private static let capacity = 4096
  private static let byteCapacity = 1 << 20

  private var index = LabelIndex()
  private var sets: [LabelSet] = []
  private var last = LabelSet.empty

  mutating func set(for packed: [UInt8]) -> LabelSet {
    if equal(last.packed.span, packed.span) { return last }
    if index.count >= Self.capacity || index.bytes.count >= Self.byteCapacity {
      index.removeAll()
      sets.removeAll()
    }
    let (number, isNew) = index.find(packed.span)
    if isNew { sets.append(LabelSet(packed: packed)) }
    last = sets[number]
    return last
  }
}
