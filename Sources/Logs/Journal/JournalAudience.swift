// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Which destinations lack the entry that comes next, when they have got to different places.
///
/// The reader begins where the one stands that is furthest behind; the others join as it comes past their places. Those
/// that know nothing of this journal are there from the beginning.
struct JournalAudience: Sendable {
  private struct Waiting: Sendable {
    var id: String
    var position: JournalPosition
    var isReached = false
  }

  /// Where to begin; nil when no destination knows.
  let beginning: JournalPosition?
  /// The ids of those that get the entries; nil for all.
  private(set) var ids: Set<String>?
  private var joined: Set<String>
  private var waiting: [Waiting]

  /// All of them.
  static let everyone = JournalAudience([], source: [])

  /// `destinations` and their places in `source`.
  init(_ destinations: [LogDestination], source: [UInt8]) {
    let standing = destinations.compactMap { destination -> Waiting? in
      guard let position = destination.positions[source].flatMap({ JournalPosition($0) }) else { return nil }
      return Waiting(id: destination.id, position: position)
    }
    let oldest = standing.first { one in
      standing.allSatisfy { one.position.cursor.order(to: $0.position.cursor) != .after }
    }
    // Cursors of several boots with a wrong clock may go round in a circle; then time decides.
    let beginning = (oldest ?? standing.min { $0.position.cursor.realtime < $1.position.cursor.realtime })?.position
    self.beginning = beginning
    waiting = standing.filter { one in
      guard let beginning else { return false }
      return one.position.cursor.order(to: beginning.cursor) == .after
    }
    joined = Set(destinations.map(\.id)).subtracting(waiting.map(\.id))
    ids = waiting.isEmpty ? nil : joined
  }

  /// Says that `entry` comes next; true when the audience is another from this entry on.
  mutating func admit(before entry: JournalCursor) -> Bool {
    guard !waiting.isEmpty else { return false }
    var hasChanged = false
    for index in waiting.indices.reversed() {
      switch entry.order(to: waiting[index].position.cursor) {
      case .before where !waiting[index].isReached: continue
      case .same: waiting[index].isReached = true
      case .before, .after:
        joined.insert(waiting.remove(at: index).id)
        hasChanged = true
      }
    }
    if hasChanged { ids = waiting.isEmpty ? nil : joined }
    return hasChanged
  }
}
