// SPDX-License-Identifier: Apache-2.0

/// A file that is read, and how far that has got.
struct FollowedFile {
  /// Somebody who joins in further on in the file.
  struct Joining: Equatable {
    var offset: Int64
    var destination: String
  }

  var position: FilePosition
  /// Where it is; nil when it has no name any more and is open.
  var seen: SeenFile?
  var isCurrent: Bool
  var size: Int64
  /// When its size was last found to have changed, in `monotonicNanoseconds`.
  var changedAt: Int64
  /// The destinations that lack what comes next; nil for all.
  var audience: Set<String>?
  /// Those that lack only what comes later, in the order they join in.
  var joining: [Joining] = []
  /// Whether it was found to have other content.
  var isBroken = false
  /// Why it cannot be read, once that was said.
  var problem: String?
  /// The archive as it was when it could not be read.
  var damagedSize: Int64?

  init(_ found: Reconciliation.Found, isCurrent: Bool, size: Int64, changedAt: Int64) {
    position = found.position
    seen = found.seen
    self.isCurrent = isCurrent
    self.size = size
    self.changedAt = changedAt
  }

  var hasMore: Bool { size > position.offset }

  /// Lets those join in who lack what comes at the position.
  mutating func advanceAudience(_ everybody: Set<String>) {
    while let next = joining.first, next.offset <= position.offset {
      audience?.insert(next.destination)
      joining.removeFirst()
    }
    if audience == everybody { audience = nil }
  }
}
