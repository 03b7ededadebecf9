// SPDX-License-Identifier: Apache-2.0

/// One step of a pipeline, which works on one entry after the other.
///
/// A stage belongs to one pipeline and so to one task; it may keep state and buffers of its own. Whatever can be wrong
/// about its arguments is found before it is made: a stage is made from values that are right. It must not allocate for an
/// ordinary line, nor trap on any.
public protocol Stage: AnyObject {
  /// What its drops are counted as.
  var dropReason: String { get }

  /// Changes `entry` as the stage does, and says what becomes of it.
  func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome
}

extension Stage {
  /// For stages that drop nothing.
  public var dropReason: String { "" }
}

/// What becomes of an entry after a stage.
public enum StageOutcome: Equatable, Sendable {
  /// It goes on to the next stage.
  case pass
  /// It goes on past that many stages.
  case skip(Int)
  /// It goes on, and no other comes before that moment of the monotonic clock.
  case passThenWait(until: Int64)
  /// It ends here.
  case drop
  /// The stage, a ``HoldingStage``, has taken it.
  case hold
}

/// When something happens, by both clocks, in nanoseconds.
public struct Moment: Sendable {
  /// Since 1970.
  public var wall: Int64
  /// On the clock that never jumps.
  public var monotonic: Int64

  /// A moment.
  public init(wall: Int64, monotonic: Int64) {
    self.wall = wall
    self.monotonic = monotonic
  }
}
