// SPDX-License-Identifier: Apache-2.0

/// Watches the numbers journald gives entries, each one more than the one before: one that is not shows that entries
/// are gone.
struct JournalNumbers: Sendable {
  private static let mostNumberings = 64

  private var last: [JournalCursor.Identifier: UInt64] = [:]

  init() {}

  /// Takes note of an entry.
  mutating func note(_ entry: JournalCursor) {
    let before = last[entry.numbering]
    if before == nil, last.count >= Self.mostNumberings { last.removeAll() }
    last[entry.numbering] = max(entry.number, before ?? 0)
  }

  /// How many are missing between the last one of the same numbering and `entry`.
  func gap(before entry: JournalCursor) -> UInt64 {
    guard let before = last[entry.numbering], entry.number > before else { return 0 }
    return entry.number - before - 1
  }
}
