// SPDX-License-Identifier: Apache-2.0

/// Why items left the queue without being delivered.
public enum DropReason: Int, Sendable, CaseIterable, Equatable {
  /// The queue had reached its bound on disk.
  case queueFull
  /// Older than the maximum age.
  case expired
  /// Their record was damaged, or its file gone.
  case damaged
  /// The disk took nothing and the memory that stood in for it was full.
  case memoryFull
}

/// What a queue counts. Items are samples or lines.
///
/// `enqueued == acknowledged + rejected + dropped + pending` always, also across restarts.
public struct QueueStatistics: Sendable, Equatable {
  /// Items taken in.
  public var enqueued: UInt64 = 0
  /// Items the hub took.
  public var acknowledged: UInt64 = 0
  /// Items the hub refused for good.
  public var rejected: UInt64 = 0
  /// Items dropped, by reason.
  public var dropped: [DropReason: UInt64] = [:]
  /// Items waiting for the hub.
  public var pending: UInt64 = 0

  /// Blocks waiting for the hub, in memory ones included.
  public var blocks: UInt64 = 0
  /// Bytes of all segments.
  public var bytes: Int64 = 0
  /// Files that hold blocks.
  public var segments = 0
  /// Payload bytes kept in memory because the disk takes none.
  public var memoryBytes = 0
  /// The time of the oldest waiting item, milliseconds since 1970.
  public var oldestTimestampMilliseconds: Int64?

  /// Why the disk takes nothing at present; nil while all is well.
  public var degraded: String?
  /// Damaged stretches passed over since this process began; the items they held are under `dropped`.
  public var corruptRecords: UInt64 = 0
  /// The bytes of those stretches.
  public var corruptBytes: UInt64 = 0
  /// Files set aside because they belong to another queue or cannot be read, since this process began.
  public var filesSetAside: UInt64 = 0
  /// How often the directory or the active file vanished below the running agent, since this process began.
  public var directoryLosses: UInt64 = 0
  /// Starts that found the queue had not been closed.
  public var uncleanStarts: UInt64 = 0
  /// How long opening took.
  public var recoverySeconds = 0.0
  /// How often data was made durable since this process began; a block or many each time.
  public var syncs: UInt64 = 0
  /// Time spent in that.
  public var syncSeconds = 0.0

  /// Nothing counted yet.
  public init() {}

  /// Items dropped for any reason.
  public var droppedTotal: UInt64 { dropped.values.reduce(0, &+) }
}
