// SPDX-License-Identifier: Apache-2.0

internal import Linux

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

/// Looks at the queue in `directory` without changing or locking anything, so also while the agent works on it: then the
/// newest segment may end in a record that is being written. One record is in memory at a time.
public func inspectQueue(directory: String) throws -> QueueReport {
  try inspectQueue(directory: directory, store: LinuxFileStore())
}

/// Calls `body` with every sound block that is not acknowledged, oldest first.
public func forEachBlock(inQueue directory: String, _ body: (StoredBlock) throws -> Void) throws {
  try forEachBlock(inQueue: directory, store: LinuxFileStore(), body)
}

func inspectQueue(directory: String, store: any FileStore) throws -> QueueReport {
  let inspection = try QueueInspection(directory: directory, store: store)
  var report = QueueReport(acknowledgedThrough: inspection.acknowledgedThrough)
  var positions = SourcePositions()
  try inspection.visit { segment in
    report.segments.append(segment)
  } record: { record, _, body in
    positions.merge(decodePositions(body, from: record.payloadBytes))
  }
  report.positions = positions.all
  return report
}

func forEachBlock(inQueue directory: String, store: any FileStore, _ body: (StoredBlock) throws -> Void) throws {
  let inspection = try QueueInspection(directory: directory, store: store)
  try inspection.visit { _ in
  } record: { record, isPending, bytes in
    guard isPending else { return }
    try body(StoredBlock(sequence: record.sequence, block: record.block(body: bytes)))
  }
}

private struct QueueInspection {
  let directory: String
  let store: any FileStore
  let found: Findings
  let identity: QueueIdentity

  var acknowledgedThrough: UInt64? { found.bookmark?.position.sequence }

  init(directory: String, store: any FileStore) throws {
    self.directory = directory
    self.store = store
    found = try Findings(
      directory: directory, store: store, removingUnfinished: false)
    identity = found.identity ?? QueueIdentity()
  }

  func visit(
    segment visitSegment: (QueueReport.Segment) throws -> Void,
    record visitRecord: (Record, Bool, [UInt8]) throws -> Void
  ) throws {
    for (index, number) in found.numbers.enumerated() {
      let path = segmentPath(directory, number)
      // The agent may have let it go since the directory was read.
      guard let size = try store.size(of: path) else { continue }
      var segment = QueueReport.Segment(path: path, bytes: size)
      let next = index + 1 < found.numbers.count ? found.numbers[index + 1] : nil
      try visit(&segment, number, to: min(size, try end(of: number, next: next) ?? size), visitRecord)
      try visitSegment(segment)
    }
  }

  private func visit(
    _ segment: inout QueueReport.Segment, _ number: UInt64, to end: Int64,
    _ visitRecord: (Record, Bool, [UInt8]) throws -> Void
  ) throws {
    guard let file = try? store.open(segment.path) else {
      segment.damage(0, segment.bytes, "cannot be opened")
      return
    }
    let header = try SegmentReader.header(of: file)
    if let header, header.identity != identity || header.number != number {
      segment.damage(0, segment.bytes, "belongs to another queue")
      return
    }
    if header == nil { segment.damage(0, SegmentHeader.bytes, "segment header is damaged") }
    let reader = SegmentReader(file, number: number, identity: identity)
    var offset = SegmentHeader.bytes
    while offset < end {
      guard let found = try reader.find(from: offset, to: end) else {
        segment.damage(offset, end - offset, "no record up to the end: torn, damaged or being written")
        return
      }
      if found.skipped > 0 { segment.damage(offset, found.skipped, "not a record header") }
      offset = found.offset + found.record.totalBytes
      guard let body = try reader.body(of: found.record, at: found.offset) else {
        segment.damage(found.offset, found.record.totalBytes, "checksum of the record does not match")
        continue
      }
      let isPending = found.record.type == .block && found.record.sequence > acknowledgedThrough ?? 0
      segment.count(found.record, isPending: isPending)
      try visitRecord(found.record, isPending, body)
    }
  }

  private func end(of number: UInt64, next: UInt64?) throws -> Int64? {
    guard let next, let file = try? store.open(segmentPath(directory, next)), let size = try? file.size(),
      let checkpoint = try SegmentReader(file, number: next, identity: identity).checkpoint(to: size)
    else { return nil }
    return checkpoint.end(of: number)
  }
}

extension QueueReport.Segment {
  fileprivate mutating func damage(_ offset: Int64, _ bytes: Int64, _ reason: String) {
    guard corrupt.count < 1000 else { return }
    corrupt.append(QueueReport.CorruptSpot(path: path, offset: offset, bytes: bytes, reason: reason))
  }

  fileprivate mutating func count(_ record: Record, isPending: Bool) {
    guard record.type == .block else { return }
    blocks += 1
    items += record.items
    if isPending { pendingBlocks += 1 }
    guard record.items > 0 else { return }
    minTimestampMilliseconds = min(minTimestampMilliseconds ?? .max, record.minTimestamp)
    maxTimestampMilliseconds = max(maxTimestampMilliseconds ?? .min, record.maxTimestamp)
  }
}
