// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Synchronization

/// What a journal reader has done, for its metrics; readable while its thread waits.
public final class JournalStatistics: Sendable {
  /// The numbers.
  public struct Snapshot: Sendable, Equatable {
    /// Entries that were handed on.
    public var lines: UInt64 = 0
    /// Entries without `MESSAGE`.
    public var withoutMessage: UInt64 = 0
    /// Entries that the rules dropped or left no label.
    public var withoutLabels: UInt64 = 0
    /// Entries this process wrote about the lines it ships.
    public var own: UInt64 = 0
    /// Entries that could not be read.
    public var damaged: UInt64 = 0
    /// Lines whose end was left out.
    public var cutLines: UInt64 = 0
    /// Lines that were not valid text.
    public var repairedLines: UInt64 = 0
    /// Entries that were removed before they were read.
    public var vacuumed: UInt64 = 0
    /// Entries that are missing for another reason: in damaged files, or in files this user may not read.
    public var unreadable: UInt64 = 0
    /// How often the reader went on somewhere else than where it stood and nobody can say how much is missing.
    public var gaps: UInt64 = 0
    /// How often the journal was opened again because it gave nothing although there was something.
    public var reopened: UInt64 = 0
    /// Whether the receiver has not taken a batch for a while.
    public var isPaused = false
    /// The time of the last entry that is accounted for, in microseconds since 1970.
    public var position: UInt64?
    /// Since when the reader has been at one piece of work, in `monotonicNanoseconds`; nil while it waits.
    public var busySince: Int64?
    /// The time of the journal's last entry, where it was looked at, in microseconds since 1970.
    public var head: UInt64?

    /// Entries that were read and not handed on.
    var dropped: UInt64 { withoutMessage + withoutLabels + own }

    /// Adds what became of a batch after which the journal stands at `end`.
    mutating func count(_ batch: Snapshot, end: JournalPosition?) {
      lines += batch.lines
      withoutMessage += batch.withoutMessage
      withoutLabels += batch.withoutLabels
      own += batch.own
      cutLines += batch.cutLines
      repairedLines += batch.repairedLines
      position = end?.cursor.realtime ?? position
    }

    /// How far the reader is behind the journal, in seconds; while it is paused, at the most. Nil as long as it has read
    /// nothing.
    public var lagSeconds: Double? {
      let end = isPaused ? UInt64(max(0, wallClockNanoseconds() / 1000)) : head
      guard let position, let end else { return nil }
      return end > position ? Double(end - position) / 1e6 : 0
    }
  }

  private let numbers = Mutex(Snapshot())

  /// All zero.
  public init() {}

  /// The numbers as they are.
  public var snapshot: Snapshot { numbers.withLock { $0 } }

  func update(_ change: (inout Snapshot) -> Void) { numbers.withLock { change(&$0) } }
}
