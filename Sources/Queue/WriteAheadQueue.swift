// SPDX-License-Identifier: Apache-2.0

public import Linux

/// Blocks of encoded telemetry for one destination, in order, kept on disk until the hub has them.
public actor WriteAheadQueue {
  private let thread = BlockingThread(name: "queue")
  /// The queue's own thread: it blocks on the disk.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// Opens the queue.
  public init(directory: String, options: QueueOptions, store: any FileStore = LinuxFileStore(), log: Log) throws {
    fatalError("not yet")
  }

  /// Appends.
  public func append(_ blocks: [Block]) async throws { fatalError("not yet") }
  /// The oldest.
  public func next(maxBlocks: Int, maxBytes: Int) async throws -> [StoredBlock] { fatalError("not yet") }
  /// Acknowledges.
  public func acknowledge(through sequence: UInt64, delivered: Int, rejected: Int) async throws {}
  /// The newest position.
  public func newestPosition(of source: [UInt8]) -> [UInt8]? { nil }
  /// Counters.
  public var statistics: QueueStatistics { QueueStatistics() }
  /// Expires.
  public func expire(olderThan timestampMilliseconds: Int64) async {}
  /// Closes.
  public func close() async {}
}
