// SPDX-License-Identifier: Apache-2.0

/// The bounds of a queue and what it does when it reaches them.
public struct QueueOptions: Equatable, Sendable {
  /// What happens when there is no room.
  public enum Overflow: Sendable, Equatable {
    /// The oldest blocks go, counted; for sources that cannot wait. While the disk fails, the newest stay in memory.
    case dropOldest
    /// `append` waits; for sources that keep what was not read.
    case pause
  }

  /// What happens when there is no room.
  public var overflow: Overflow
  /// The most bytes on disk; exceeded by one segment at most.
  public var maxBytes: Int64
  /// Blocks whose newest item is older are dropped and counted; nil for never.
  public var maxAge: Duration?
  /// The size of a file of the queue. A quarter of `maxBytes` where that is less; more where there are many sources,
  /// whose positions each file begins with, twice.
  public var segmentBytes: Int64
  /// The queue takes no more while the file system has less than this free.
  public var minFreeBytes: Int64
  /// The most payload bytes `.dropOldest` keeps in memory while the disk takes none.
  public var memoryRingBytes: Int
  /// How long to wait before a failed disk is tried again.
  public var retryInterval: Duration

  /// Bounds with defaults for a small host.
  public init(
    overflow: Overflow, maxBytes: Int64 = 512 << 20, maxAge: Duration? = nil, segmentBytes: Int64 = 8 << 20,
    minFreeBytes: Int64 = 64 << 20, memoryRingBytes: Int = 4 << 20, retryInterval: Duration = .seconds(5)
  ) {
    self.overflow = overflow
    self.maxBytes = maxBytes
    self.maxAge = maxAge
    self.segmentBytes = segmentBytes
    self.minFreeBytes = minFreeBytes
    self.memoryRingBytes = memoryRingBytes
    self.retryInterval = retryInterval
  }
}
