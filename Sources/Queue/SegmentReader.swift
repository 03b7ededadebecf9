// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Reads records of one segment, one at a time, and finds the next after damage.
///
/// Bytes the medium refuses to give are damage like bytes that are wrong. Every step goes forward by eight bytes at
/// least, so any content comes to an end.
final class SegmentReader {
  /// A sound header, and how many bytes before it were not one.
  struct Finding {
    var record: Record
    var offset: Int64
    var skipped: Int64
  }

  let number: UInt64
  private let file: any StoredFile
  private let seed: UInt32
  private var headerBuffer = [UInt8](repeating: 0, count: Record.headerBytes)

  init(_ file: any StoredFile, number: UInt64, identity: QueueIdentity) {
    self.file = file
    self.number = number
    seed = identity.seed(segment: number)
  }

  static func header(of file: any StoredFile) throws(SystemError) -> SegmentHeader? {
    var buffer = [UInt8](repeating: 0, count: Int(SegmentHeader.bytes))
    guard try file.readSound(into: &buffer, at: 0) == buffer.count else { return nil }
    return SegmentHeader.decode(buffer)
  }

  /// The first record at or after `offset` that ends before `end`.
  func find(from offset: Int64, to end: Int64) throws(SystemError) -> Finding? {
    if let record = try record(at: offset), offset + record.totalBytes <= end {
      return Finding(record: record, offset: offset, skipped: 0)
    }
    return try resynchronize(from: offset, to: end)
  }

  /// Payload and positions of `record` at `offset`; nil when they are damaged.
  func body(of record: Record, at offset: Int64) throws(SystemError) -> [UInt8]? {
    var body = [UInt8](repeating: 0, count: record.bodyBytes)
    let count = try body.isEmpty ? 0 : file.readSound(into: &body, at: offset + Int64(Record.headerBytes))
    guard count == body.count, crc32c(body.span, continuing: seed) == record.bodyChecksum else { return nil }
    return body
  }

  /// The positions, counters and the previous segment's end with which this segment begins, from whichever of the
  /// two copies is sound.
  func checkpoint(to end: Int64) throws(SystemError) -> Checkpoint? {
    var offset = SegmentHeader.bytes
    while let found = try find(from: offset, to: end), found.record.type == .checkpoint {
      if let body = try body(of: found.record, at: found.offset), let checkpoint = Checkpoint(found.record, body: body)
      {
        return checkpoint
      }
      offset = found.offset + found.record.totalBytes
    }
    return nil
  }

  private func record(at offset: Int64) throws(SystemError) -> Record? {
    guard try file.readSound(into: &headerBuffer, at: offset) == headerBuffer.count else { return nil }
    return Record.decode(headerBuffer, at: 0, seed: seed)
  }

  private func resynchronize(from start: Int64, to end: Int64) throws(SystemError) -> Finding? {
    let step = 4096
    var window = [UInt8](repeating: 0, count: step + Record.headerBytes)
    var page = start
    while page < end {
      let count = try file.readSound(into: &window, at: page)
      for index in stride(from: 0, to: min(step, count - Record.headerBytes + 1), by: 8) where window[index] == 0xe7 {
        guard let record = Record.decode(window, at: index, seed: seed) else { continue }
        let offset = page + Int64(index)
        guard offset > start, offset + record.totalBytes <= end else { continue }
        return Finding(record: record, offset: offset, skipped: offset - start)
      }
      page += Int64(step)
    }
    return nil
  }
}

/// What a segment begins with, so that no older one is needed to go on.
struct Checkpoint {
  /// Counters as they were when the segment was made, and the newest item's time in the segment before.
  var record: Record
  var previousSegment: UInt64
  /// Where the previous segment ends: what lies behind it never counted.
  var previousEnd: Int64
  var positions: [SourcePosition]

  init?(_ record: Record, body: [UInt8]) {
    guard record.payloadBytes >= 16 else { return nil }
    self.record = record
    previousSegment = body.littleEndian(at: 0)
    previousEnd = body.littleEndian(at: 8)
    positions = decodePositions(body, from: record.payloadBytes)
  }

  /// Where segment `number`, the next lower one there is, ends. One that was given up while being made ends where it
  /// begins: this one names a predecessor older than it. Nil when the predecessor is missing.
  func end(of number: UInt64) -> Int64? {
    if previousSegment == number { return previousEnd }
    return previousSegment < number ? SegmentHeader.bytes : nil
  }

  static func payload(previousSegment: UInt64, previousEnd: Int64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: previousSegment)
    bytes.append(littleEndian: previousEnd)
    return bytes
  }
}
