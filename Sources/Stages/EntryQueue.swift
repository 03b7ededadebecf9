// SPDX-License-Identifier: Apache-2.0

/// Entries a stage has let go, until the pipeline takes them.
struct EntryQueue {
  private var entries: [LogEntry] = []
  private var head = 0

  var isEmpty: Bool { head == entries.count }

  mutating func append(_ entry: consuming LogEntry) { entries.append(entry) }

  /// Moves the first into `entry`; false when there is none.
  mutating func takeFirst(into entry: inout LogEntry) -> Bool {
    guard head < entries.count else { return false }
    swap(&entry, &entries[head])
    head += 1
    if head == entries.count {
      entries.removeAll(keepingCapacity: entries.count <= 64)
      head = 0
    }
    return true
  }
}
