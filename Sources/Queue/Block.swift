// SPDX-License-Identifier: Apache-2.0

/// A batch of telemetry, encoded and complete in itself; the queue keeps it as it is.
public struct Block: Sendable, Equatable {
  /// The most bytes a payload may have.
  public static let maximumPayloadBytes = 4 << 20
  /// The most bytes the positions of one block may take: as many as those of all sources.
  public static let maximumPositionBytes = 4 << 20

  /// What the payload is, for whoever reads it back.
  public var kind: UInt8
  /// How many samples or lines it holds; what all counters count. None, and no payload, when it only says how far its
  /// sources have been read.
  public var items: Int
  /// The time of its oldest item, milliseconds since 1970.
  public var minTimestampMilliseconds: Int64
  /// The time of its newest item, milliseconds since 1970.
  public var maxTimestampMilliseconds: Int64
  /// The encoded items.
  public var payload: [UInt8]
  /// Where the sources of the items had got to; durable exactly when the payload is.
  public var positions: [SourcePosition]

  /// Whether there is nothing in it to deliver.
  public var isEmpty: Bool { items == 0 && payload.isEmpty }

  /// A block as the queue will give it back.
  public init(
    kind: UInt8, items: Int, minTimestampMilliseconds: Int64, maxTimestampMilliseconds: Int64, payload: [UInt8],
    positions: [SourcePosition] = []
  ) {
    self.kind = kind
    self.items = items
    self.minTimestampMilliseconds = minTimestampMilliseconds
    self.maxTimestampMilliseconds = maxTimestampMilliseconds
    self.payload = payload
    self.positions = positions
  }
}

/// How far a source had been read when a block was made. Both parts are opaque to the queue.
public struct SourcePosition: Sendable, Equatable {
  /// The source's name.
  public var source: [UInt8]
  /// Where it had got to; empty to make the queue forget the source.
  public var position: [UInt8]

  /// The position of `source`.
  public init(source: [UInt8], position: [UInt8]) {
    self.source = source
    self.position = position
  }
}

/// A block the queue holds.
public struct StoredBlock: Sendable, Equatable {
  /// Its place in the order of the queue; grows, with gaps, and is never used again for other content.
  public var sequence: UInt64
  /// What was appended.
  public var block: Block

  /// A block with its place.
  public init(sequence: UInt64, block: Block) {
    self.sequence = sequence
    self.block = block
  }
}

/// What can be wrong with a request to a queue. What is wrong with the disk is not an error but a state: see
/// ``QueueStatistics/degraded``.
public enum QueueError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Another process, or another queue of this one, works on the directory.
  case inUse(path: String)
  /// The queue was closed.
  case closed
  /// A payload or its positions are larger than a record may be, or the item count does not fit one.
  case blockTooLarge(bytes: Int)

  /// One line for the operator.
  public var description: String {
    switch self {
    case .inUse(let path):
      "open queue \(path): another agent is using it; stop that one, or give this one a storage path of its own"
    case .closed: "the queue is closed"
    case .blockTooLarge(let bytes):
      "append to queue: a block of \(bytes) bytes is larger than \(Block.maximumPayloadBytes); split it"
    }
  }
}
