// SPDX-License-Identifier: Apache-2.0

internal import Queue
internal import Wire

/// The most an uncompressed block may have: what receivers take at all.
private let blockLimit = 32 << 20

/// How many of `blocks`, from the first, make one write request; the first always does.
///
/// No block may begin before those in front of it end. Prometheus looks for samples out of order
/// only among those of earlier requests; within one request it takes them and drops them without a word (seen with
/// 2.42), where a request of their own is refused and can be counted.
func mergeable(_ blocks: [StoredBlock], maxItems: Int, maxBytes: Int) -> Int {
  guard let first = blocks.first?.block else { return 0 }
  var items = first.items
  var bytes = Snappy.uncompressedLength(first.payload.span) ?? .max
  var latest = first.maxTimestampMilliseconds
  var count = 1
  for block in blocks.dropFirst().lazy.map(\.block) {
    guard block.kind == first.kind, let length = Snappy.uncompressedLength(block.payload.span) else { break }
    guard block.minTimestampMilliseconds >= latest else { break }
    latest = max(latest, block.maxTimestampMilliseconds)
    items = items.addingReportingOverflow(block.items).overflow ? .max : items + block.items
    bytes = bytes.addingReportingOverflow(length).overflow ? .max : bytes + length
    guard items <= maxItems, bytes <= maxBytes else { break }
    count += 1
  }
  return count
}

/// What a block holds; nil when it cannot be read, which a checksum has made our own mistake.
func uncompressed(_ payload: Span<UInt8>) -> [UInt8]? {
  var bytes: [UInt8] = []
  do throws(WireError) {
    try Snappy.uncompress(payload, limit: blockLimit, into: &bytes)
    return bytes
  } catch { return nil }
}

/// What `payload` says it has uncompressed.
func uncompressedLength(_ payload: [UInt8]) -> Int { Snappy.uncompressedLength(payload.span) ?? 0 }

func compressed(_ bytes: [UInt8]) -> [UInt8] {
  var payload: [UInt8] = []
  Snappy.compress(bytes.span, into: &payload)
  return payload
}

extension Shipment.Piece {
  /// What to send: a single block as it was stored, byte for byte; several as their concatenation, which is one request
  /// too. Nil when several cannot be made one.
  func body(of blocks: [StoredBlock]) -> [UInt8]? {
    if let cut { return compressed(cut.bytes) }
    if self.blocks.count == 1 { return blocks[self.blocks.lowerBound].block.payload }
    var bytes: [UInt8] = []
    for block in blocks[self.blocks] {
      guard let more = uncompressed(block.block.payload.span) else { return nil }
      bytes += more
    }
    return compressed(bytes)
  }
}
