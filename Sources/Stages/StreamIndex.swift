// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Numbers what lines are joined within: the lines of one source that have the same labels.
struct StreamIndex {
  private var index = LabelIndex()
  private var key: [UInt8] = []

  /// How many it knows; their numbers are below it.
  var count: Int { index.count }

  /// The number of the stream `entry` belongs to, and whether it was not known before.
  mutating func find(_ entry: inout LogEntry) -> (number: Int, isNew: Bool) {
    key.removeAll(keepingCapacity: true)
    var source = UInt64(bitPattern: Int64(entry.source))
    for _ in 0..<8 {
      key.append(UInt8(truncatingIfNeeded: source))
      source >>= 8
    }
    entry.packLabels(into: &key)
    let found = key
    return index.find(found.span)
  }

  mutating func removeAll() { index.removeAll() }
}
