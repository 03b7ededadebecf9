// SPDX-License-Identifier: Apache-2.0

import Queue
import Telemetry
import Testing
import Wire

@testable import Delivery

/// What a snappy block holds; nil when it is none.
func unpacked(_ block: [UInt8]) -> [UInt8]? { uncompressed(block.span) }

@Suite struct StreamShipmentTests {
  typealias Share = StreamShipment.Share

  func block(_ sequence: UInt64, _ streams: (app: String, lines: [String])..., tenant: String = "") -> StoredBlock {
    var encoder = PushEncoder()
    for stream in streams {
      encoder.beginStream(packedLabels: LabelSet(["app": stream.app]).packed.span, tenant: Array(tenant.utf8).span)
      for line in stream.lines { encoder.add(timestampNanoseconds: 7, line: Array(line.utf8).span) }
    }
    var payload: [UInt8] = []
    let kind = encoder.finish(into: &payload)
    return stored(sequence, kind: kind, items: encoder.entryCount, payload)
  }

  func stored(_ sequence: UInt64, kind: UInt8, items: Int, _ payload: [UInt8]) -> StoredBlock {
    StoredBlock(
      sequence: sequence,
      block: Block(
        kind: kind, items: items, minTimestampMilliseconds: 0, maxTimestampMilliseconds: Int64(sequence),
        payload: payload))
  }

  func shipment(_ blocks: [StoredBlock], limit: Int = 1 << 20, whole: Bool = false) -> StreamShipment {
    StreamShipment(blocks, limit: limit) { _ in whole }
  }

  /// The lines of a piece, as a receiver reads them, each after its stream's name.
  func lines(_ piece: StreamShipment.Piece) throws -> [String] {
    let bytes = try #require(unpacked(piece.body))
    return try decodePushRequest(bytes.span).streams.flatMap { stream in
      stream.entries.map { stream.labels[0].value + String(decoding: $0.line, as: UTF8.self) }
    }
  }

  @Test func `the lines of several blocks go stream by stream`() throws {
    let blocks = [block(1, ("a", ["1"]), ("b", ["2", "3"])), block(2, ("b", ["4"]), ("c", ["5"]))]
    var shipment = shipment(blocks)
    var sent: [[String]] = []
    while let piece = shipment.next {
      sent.append(try lines(piece))
      shipment.settle()
    }
    #expect(sent == [["a1"], ["b2", "b3", "b4"], ["c5"]])
    #expect(shipment.tallies.map(\.delivered) == [3, 2])
  }

  @Test func `a block of one stream goes as it was stored, and in halves when it must`() throws {
    let block = block(1, ("a", ["1", "2", "3"]))
    var shipment = shipment([block], limit: 1)
    let whole = try #require(shipment.next)
    #expect(whole.body == block.block.payload && whole.entries == 3 && whole.isOneStream && whole.tenant.isEmpty)
    #expect(whole.byteCount == unpacked(block.block.payload)?.count)
    let isDivided = shipment.divide()
    #expect(isDivided)
    var sent: [[String]] = []
    while let piece = shipment.next {
      sent.append(try lines(piece))
      shipment.settle()
    }
    #expect(sent == [["a1"], ["a2", "a3"]])
    #expect(shipment.tallies.map(\.delivered) == [3])
  }

  @Test func `a large block goes stream by stream as it was stored, and with others it is taken apart`() throws {
    let many = (0..<5000).map { "line number \($0)" }
    let large = block(1, ("a", many), ("b", ["1", "2"]))
    #expect(large.block.kind == PushBlockKind.byStream)
    var alone = shipment([large], limit: 1000)
    #expect(alone.laneCount == 2)
    let first = try #require(alone.next)
    #expect(try first.entries == 5000 && lines(first) == many.map { "a\($0)" })
    #expect(large.block.payload.indices.contains { large.block.payload[$0...].starts(with: first.body) })
    alone.settle(rejecting: 1, .tooOld)
    #expect(try lines(#require(alone.next)) == ["b1", "b2"])
    let isDivided = alone.divide()
    #expect(try isDivided && lines(#require(alone.next)) == ["b1"])

    var together = shipment([large, block(2, ("b", ["3"]))])
    together.passOver()
    #expect(try lines(#require(together.next)) == ["b1", "b2", "b3"])
    #expect(large.block.uncompressedLength > 64 << 10)
  }

  @Test func `what is refused of a piece across blocks is counted once, and in blocks that have it`() {
    let blocks = [block(1, ("a", ["1", "2"])), block(2, ("a", ["3", "4", "5"]))]
    var shipment = shipment(blocks)
    #expect(shipment.next?.shares == [Share(block: 0, entries: 2), Share(block: 1, entries: 3)])
    shipment.settle(rejecting: 3, .tooOld)
    #expect(shipment.tallies.map(\.rejectedInAll) == [2, 1])
    #expect(shipment.tallies.map(\.delivered) == [0, 2])
    #expect(shipment.next == nil)
  }

  @Test func `a stream larger than a push goes in several, oldest first, each knowing its blocks`() throws {
    let long = String(repeating: "x", count: 100)
    let blocks = (1...3).map { number in block(UInt64(number), ("a", (0..<4).map { "\(number)\($0)\(long)" })) }
    var shipment = shipment(blocks, limit: 600)
    var sent: [String] = []
    var entries = [0, 0, 0]
    while let piece = shipment.next {
      #expect(piece.byteCount <= 600)
      #expect(piece.entries == piece.shares.reduce(0) { $0 + $1.entries })
      for share in piece.shares { entries[share.block] += share.entries }
      sent += try lines(piece).map { String($0.prefix(3)) }
      shipment.settle()
    }
    #expect(sent == (1...3).flatMap { number in (0..<4).map { "a\(number)\($0)" } })
    #expect(entries == [4, 4, 4])
  }

  @Test func `a stream that gets no further lets the others go first`() throws {
    var shipment = shipment([block(1, ("a", ["1"]), ("b", ["2"]), ("c", ["3"])), block(2, ("b", ["4"]))])
    var order: [String] = []
    var refusals = 3
    while let piece = shipment.next {
      if try lines(piece) == ["a1"], refusals > 0 {
        refusals -= 1
        shipment.passOver()
        continue
      }
      order += try lines(piece)
      shipment.settle()
    }
    #expect(order == ["b2", "b4", "c3", "a1"])
  }

  @Test func `a block that may stay whole goes as it was stored, and by stream once that does not work`() throws {
    let only = block(1, ("a", ["1"]), ("b", ["2"]), ("a", ["3"]))
    var shipment = shipment([only], whole: true)
    #expect(shipment.next?.body == only.block.payload && shipment.next?.entries == 3)
    let separated = shipment.separate()
    #expect(separated && !shipment.isUntouched && shipment.laneCount == 2)
    #expect(try lines(#require(shipment.next)) == ["a1", "a3"])
    let again = shipment.separate()
    #expect(!again)
  }

  @Test func `only a lone block of the endpoint's own tenant may stay whole`() {
    let two = block(1, ("a", ["1"]), ("b", ["2"]))
    #expect(shipment([two, block(2, ("a", ["3"]))], whole: true).laneCount == 2)
    let theirs = shipment([block(1, ("a", ["1"]), ("b", ["2"]), tenant: "t")], whole: true)
    #expect(theirs.laneCount == 2 && theirs.next?.tenant == Array("t".utf8))
    #expect(shipment([two], whole: true).laneCount == 1)
    #expect(shipment([two]).laneCount == 2)
  }

  @Test func `streams with the same labels but of different tenants stay apart, and the name stays here`() throws {
    let blocks = [
      block(1, ("a", ["1"])), block(2, ("a", ["2"]), tenant: "t"), block(3, ("a", ["3"])),
      block(4, ("a", ["4"]), tenant: "t"),
    ]
    var shipment = shipment(blocks)
    #expect(shipment.next?.tenant == [])
    #expect(try lines(#require(shipment.next)) == ["a1", "a3"])
    shipment.settle()
    let theirs = try #require(shipment.next)
    #expect(theirs.tenant == Array("t".utf8))
    #expect(try lines(theirs) == ["a2", "a4"])
  }

  @Test func `one culprit is found by halving, whatever blocks it shares a stream with`() throws {
    let blocks = (0..<10).map { number in block(UInt64(number), ("a", (0..<10).map { "\(number * 10 + $0)" })) }
    var shipment = shipment(blocks)
    var order: [String] = []
    while let piece = shipment.next {
      if try !lines(piece).contains("a57") {
        order += try lines(piece)
        shipment.settle()
      } else if !shipment.divide() {
        shipment.settle(rejecting: 1, .invalid)
      }
    }
    #expect(order == (0..<100).filter { $0 != 57 }.map { "a\($0)" })
    #expect(shipment.tallies.map(\.rejectedInAll) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    #expect(shipment.tallies.map(\.delivered).reduce(0, +) == 99)
  }

  @Test func `blocks without lines take no part, those nobody can read are named`() {
    let blocks = [
      stored(1, kind: 2, items: 0, []), stored(2, kind: 2, items: 5, [2, 4, 0xff, 0xff]), block(3, ("a", ["1"])),
      stored(4, kind: 9, items: 1, block(9, ("a", ["1"])).block.payload),
      stored(5, kind: PushBlockKind.byStream, items: 1, [0, 1, 9]),
    ]
    let shipment = shipment(blocks)
    #expect(shipment.unreadable == [1, 3, 4] && shipment.laneCount == 1 && shipment.next?.entries == 1)
  }
}
