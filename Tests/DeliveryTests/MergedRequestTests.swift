// SPDX-License-Identifier: Apache-2.0

import Queue
import Testing

@testable import Delivery

@Suite struct MergedRequestTests {
  /// A block of `items` that begins and ends at these times and says it has 100 bytes uncompressed.
  func block(_ items: Int, _ times: ClosedRange<Int64>, kind: UInt8 = 1, payload: [UInt8] = [100]) -> StoredBlock {
    StoredBlock(
      sequence: 0,
      block: Block(
        kind: kind, items: items, minTimestampMilliseconds: times.lowerBound,
        maxTimestampMilliseconds: times.upperBound, payload: payload))
  }

  func count(_ blocks: [StoredBlock]) -> Int { mergeable(blocks, maxItems: 10, maxBytes: 350) }

  @Test func `no more is merged than the limits of items and bytes allow, and at least one block`() {
    #expect(count([]) == 0)
    #expect(count([block(99, 1...1)]) == 1)
    #expect(count([block(4, 1...1), block(6, 2...2), block(1, 3...3)]) == 2)
    #expect(count([block(1, 1...1), block(1, 2...2), block(1, 3...3), block(1, 4...4)]) == 3)
    #expect(count([block(.max, 1...1), block(.max, 2...2)]) == 1)
  }

  @Test func `samples are merged only forward in time, lines in any order`() {
    #expect(count([block(1, 1...5), block(1, 5...7), block(1, 6...9)]) == 2)
    let lines = [block(1, 1...5, kind: 2), block(1, 5...7, kind: 2), block(1, 6...9, kind: 2)]
    #expect(groupable(lines[...], maxItems: 10, maxBytes: 350) == 3)
  }

  @Test func `blocks without lines and of either kind travel with the others`() {
    let blocks = [
      block(4, 1...1, kind: 2), block(0, 0...0, payload: []), block(6, 2...2, kind: 4), block(1, 3...3, kind: 2),
    ]
    #expect(groupable(blocks[...], maxItems: 10, maxBytes: 350) == 3)
    #expect(groupable(blocks[...], maxItems: 100, maxBytes: 250) == 3)
    #expect(groupable([block(99, 1...1, kind: 2)][...], maxItems: 10, maxBytes: 350) == 1)
  }

  @Test func `what is of another kind or cannot be read is not merged`() {
    #expect(count([block(1, 1...1), block(1, 2...2, kind: 2)]) == 1)
    #expect(count([block(1, 1...1), block(1, 2...2, payload: [])]) == 1)
    #expect(count([block(1, 1...1, payload: []), block(1, 2...2)]) == 1)
  }

  @Test func `several blocks become their concatenation, one stays as it is`() {
    let blocks = ["ab", "cd", "ef"].map { block(1, 1...1, payload: compressed(Array($0.utf8))) }
    let merged = Shipment.Piece(blocks: 1..<3).body(of: blocks)
    #expect(merged.flatMap(unpacked) == Array("cdef".utf8))
    #expect(Shipment.Piece(blocks: 0..<1).body(of: blocks) == blocks[0].block.payload)
    #expect(Shipment.Piece(blocks: 0..<2).body(of: [blocks[0], block(1, 1...1)]) == nil)
  }
}
