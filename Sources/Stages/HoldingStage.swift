// SPDX-License-Identifier: Apache-2.0

/// A stage that keeps entries until more have come.
///
/// To keep an entry it swaps it for an empty one and returns `.hold`. What it lets go, it queues; the pipeline asks for
/// that after each call, before the entry of the call goes on. An entry that others were joined into carries their
/// `tickets`, in order. Entries of different sources are never joined, for each source has its own position.
protocol HoldingStage: Stage {
  /// When something has waited long enough, on the monotonic clock.
  var nextDeadline: Int64? { get }
  /// How many lines it keeps.
  var heldEntries: Int { get }
  /// Roughly what they take in memory.
  var heldBytes: Int { get }

  /// Lets go what has waited long enough.
  func releaseDue(at monotonic: Int64)
  /// Lets go everything, or everything of `source`.
  func releaseAll(of source: Int?)
  /// Forgets everything of `source`, what it remembers about lines gone by included.
  func forget(_ source: Int)
  /// Whether something was let go that the pipeline has not taken.
  var hasReleased: Bool { get }
  /// Moves the entry let go first into `entry`; false when there is none.
  func takeReleased(into entry: inout LogEntry) -> Bool
}
