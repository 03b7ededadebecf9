// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The fixed part of a record: 80 bytes, little-endian, before the body. The format is described at `SegmentLog`.
struct Record: Equatable {
  enum Kind: UInt8 {
    case block = 1
    case checkpoint = 2
  }

  static let mark: UInt32 = 0xa55a_51e7
  static let headerBytes = 80
  /// Room for a checkpoint that holds every position the queue remembers.
  static let maximumPositionBytes = Block.maximumPositionBytes

  var type = Kind.block
  var blockKind: UInt8 = 0
  var payloadBytes = 0
  var positionBytes = 0
  var items = 0
  var bodyChecksum: UInt32 = 0
  var sequence: UInt64 = 0
  /// Items and blocks of all records so far, this one included: what a gap swallowed is the difference.
  var itemsThrough: UInt64 = 0
  var blocksThrough: UInt64 = 0
  var minTimestamp: Int64 = 0
  var maxTimestamp: Int64 = 0
  /// Everything in this segment before this offset was durable when the record was written.
  var durable: Int64 = 0

  var bodyBytes: Int { payloadBytes + positionBytes }
  /// With header and padding.
  var totalBytes: Int64 { Int64((Record.headerBytes + bodyBytes + 7) & ~7) }
  var itemsBefore: UInt64 { itemsThrough &- UInt64(items) }
  var blocksBefore: UInt64 { type == .block ? blocksThrough &- 1 : blocksThrough }

  /// The block this is the header of.
  func block(body: [UInt8]) -> Block {
    var payload = body
    payload.removeLast(positionBytes)
    return Block(
      kind: blockKind, items: items, minTimestampMilliseconds: minTimestamp, maxTimestampMilliseconds: maxTimestamp,
      payload: payload, positions: decodePositions(body, from: payloadBytes))
  }

  /// Adds header, body and padding to `bytes`; fills in lengths and checksums.
  mutating func encode(payload: [UInt8], positions: [UInt8], seed: UInt32, into bytes: inout [UInt8]) {
    payloadBytes = payload.count
    positionBytes = positions.count
    bodyChecksum = crc32c(positions.span, continuing: crc32c(payload.span, continuing: seed))
    let start = bytes.count
    bytes.append(littleEndian: Record.mark)
    bytes.append(type.rawValue)
    bytes.append(blockKind)
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: UInt32(payloadBytes))
    bytes.append(littleEndian: UInt32(positionBytes))
    bytes.append(littleEndian: UInt32(items))
    bytes.append(littleEndian: bodyChecksum)
    bytes.append(littleEndian: sequence)
    bytes.append(littleEndian: itemsThrough)
    bytes.append(littleEndian: blocksThrough)
    bytes.append(littleEndian: minTimestamp)
    bytes.append(littleEndian: maxTimestamp)
    bytes.append(littleEndian: durable)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: crc32c(bytes.span.extracting(start..<bytes.count), continuing: seed))
    bytes.append(contentsOf: payload)
    bytes.append(contentsOf: positions)
    while (bytes.count - start) % 8 != 0 { bytes.append(0) }
  }

  /// The header at `index` of `bytes`; nil when there is none or it is damaged.
  static func decode(_ bytes: [UInt8], at index: Int, seed: UInt32) -> Record? {
    guard index + headerBytes <= bytes.count, bytes.littleEndian(at: index) == mark,
      bytes.littleEndian(at: index + 76) == crc32c(bytes.span.extracting(index..<index + 76), continuing: seed),
      let type = Kind(rawValue: bytes[index + 4])
    else { return nil }
    let record = Record(
      type: type, blockKind: bytes[index + 5],
      payloadBytes: Int(bytes.littleEndian(at: index + 8, as: UInt32.self)),
      positionBytes: Int(bytes.littleEndian(at: index + 12, as: UInt32.self)),
      items: Int(bytes.littleEndian(at: index + 16, as: UInt32.self)),
      bodyChecksum: bytes.littleEndian(at: index + 20), sequence: bytes.littleEndian(at: index + 24),
      itemsThrough: bytes.littleEndian(at: index + 32), blocksThrough: bytes.littleEndian(at: index + 40),
      minTimestamp: bytes.littleEndian(at: index + 48), maxTimestamp: bytes.littleEndian(at: index + 56),
      durable: bytes.littleEndian(at: index + 64))
    guard record.payloadBytes <= Block.maximumPayloadBytes, record.positionBytes <= maximumPositionBytes,
      record.sequence < LogPosition.highestCount, record.itemsThrough < LogPosition.highestCount,
      record.blocksThrough < LogPosition.highestCount,
      // More than all so far is in no record, and before it nothing could be counted.
      record.itemsBefore <= record.itemsThrough, record.blocksBefore <= record.blocksThrough
    else { return nil }
    return record
  }
}

/// The first 40 bytes of a segment.
struct SegmentHeader: Equatable {
  static let bytes: Int64 = 40
  static let magic = Array("SPKQ0001".utf8)

  var identity: QueueIdentity
  var number: UInt64

  func encode() -> [UInt8] {
    var bytes = SegmentHeader.magic + identity.bytes
    bytes.append(littleEndian: number)
    bytes.append(littleEndian: crc32c(bytes.span))
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }

  static func decode(_ bytes: [UInt8]) -> SegmentHeader? {
    guard bytes.count >= 40, bytes[..<8].elementsEqual(magic),
      bytes.littleEndian(at: 32) == crc32c(bytes.span.extracting(0..<32))
    else { return nil }
    return SegmentHeader(identity: QueueIdentity(bytes: Array(bytes[8..<24])), number: bytes.littleEndian(at: 24))
  }
}

/// Sixteen random bytes given to a queue when it is made; files of another queue do not belong.
struct QueueIdentity: Hashable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  init() {
    var generator = SystemRandomNumberGenerator()
    bytes = []
    for _ in 0..<2 { bytes.append(littleEndian: generator.next()) }
  }

  /// What every checksum in segment `number` continues from, so that bytes of elsewhere do not pass for records.
  func seed(segment number: UInt64) -> UInt32 {
    var all = bytes
    all.append(littleEndian: number)
    return crc32c(all.span)
  }
}
