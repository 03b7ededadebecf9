// SPDX-License-Identifier: Apache-2.0

/// What is in the directory of a queue.
public struct QueueReport: Sendable, Equatable {
  /// A file of the queue.
  public struct Segment: Sendable, Equatable {
    /// Where it is.
    public var path: String
    /// Its size in bytes.
    public var bytes: Int64
    /// The sound blocks in it.
    public var blocks = 0
    /// The items of those.
    public var items = 0
    /// The blocks of those that are not acknowledged.
    public var pendingBlocks = 0
    /// The time of its oldest item, milliseconds since 1970.
    public var minTimestampMilliseconds: Int64?
    /// The time of its newest item, milliseconds since 1970.
    public var maxTimestampMilliseconds: Int64?
    /// What cannot be read.
    public var corrupt: [CorruptSpot] = []
  }

  /// A stretch of bytes that is not a sound record.
  public struct CorruptSpot: Sendable, Equatable {
    /// The file.
    public var path: String
    /// Where the stretch begins.
    public var offset: Int64
    /// How long it is.
    public var bytes: Int64
    /// What is wrong with it.
    public var reason: String
  }

  /// The files, oldest first.
  public var segments: [Segment] = []
  /// Everything up to this block is acknowledged; nil when no bookmark could be read.
  public var acknowledgedThrough: UInt64?
  /// The newest position of each source.
  public var positions: [SourcePosition] = []
}

/// Reads the queue at `directory` without changing or locking anything.
public func inspectQueue(directory: String) throws -> QueueReport { fatalError("not yet") }

/// Calls `body` with every sound block that is not acknowledged.
public func forEachBlock(inQueue directory: String, _ body: (StoredBlock) throws -> Void) throws {}
