// SPDX-License-Identifier: Apache-2.0

/// Which boots are read, on hosts whose clock may begin behind the last boot's end.
///
/// The journal puts entries that share no file in the order of their time. Where the clock of this boot began behind
/// the position, its entries would be taken for old ones, and never be given.
enum JournalView: Sendable, Equatable {
  /// All of them.
  case everything
  /// This one.
  case boot(JournalCursor.Identifier)
  /// The rest of the first one, then all of the other.
  case boots(JournalCursor.Identifier, then: JournalCursor.Identifier)

  /// What to read after `position` in boot `current`, whose first entry is `first`.
  ///
  /// Nothing comes of other boots once there is something of this one, though their entries may look newer.
  static func choose(
    after position: JournalCursor, current: JournalCursor.Identifier, first: JournalCursor?
  ) -> JournalView {
    if position.boot == current { return .boot(current) }
    guard let first, first.order(to: position) == .before else { return .everything }
    return .boots(position.boot, then: current)
  }

  /// What the journal is opened for.
  var filter: JournalCursor.Identifier? {
    switch self {
    case .everything: nil
    case .boot(let boot), .boots(let boot, _): boot
    }
  }
}
