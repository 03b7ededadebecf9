// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Delivery

@Suite struct ShipmentTests {
  /// A request of series without labels, of one sample each, whose only byte is the series' number.
  func request(_ series: Range<UInt8>) -> [UInt8] { series.flatMap { [0x0a, 3, 0x12, 1, $0] } }

  /// The numbers of the series in a piece.
  func series(_ piece: Shipment.Piece, of blocks: [[UInt8]]) -> [UInt8] {
    let bytes = piece.cut?.bytes ?? Array(blocks[piece.blocks].joined())
    return stride(from: 4, to: bytes.count, by: 5).map { bytes[$0] }
  }

  @Test func `blocks that are taken together are done together`() {
    var shipment = Shipment(samples: [5, 6, 7])
    #expect(shipment.next == Shipment.Piece(blocks: 0..<3))
    #expect(shipment.blocksDone == 0 && shipment.nextSamples == 18 && shipment.isUntouched)
    shipment.settle(.delivered)
    #expect(shipment.next == nil && shipment.nextSamples == 0)
    #expect(shipment.blocksDone == 3)
    #expect(shipment.tallies.map(\.delivered) == [5, 6, 7])
  }

  @Test func `refused together, blocks go one by one, oldest first`() {
    var shipment = Shipment(samples: [1, 1])
    let unmerged = shipment.unmerge()
    #expect(unmerged && shipment.next == Shipment.Piece(blocks: 0..<1))
    shipment.settle(.delivered)
    #expect(shipment.blocksDone == 1 && !shipment.isUntouched)
    #expect(shipment.next == Shipment.Piece(blocks: 1..<2))
    let again = shipment.unmerge()
    #expect(!again)
  }

  @Test func `one culprit among many costs twice the logarithm, and only the culprit`() {
    let block = request(0..<200)
    var shipment = Shipment(samples: [200])
    var requests = 0
    while let piece = shipment.next {
      requests += 1
      if !series(piece, of: [block]).contains(117) {
        shipment.settle(.delivered)
      } else if !shipment.halve(open: { _ in block }) {
        #expect(series(piece, of: [block]) == [117])
        shipment.settle(.rejected(.outOfOrder))
      }
    }
    #expect(requests <= 17)
    #expect(shipment.tallies == [Shipment.Tally(delivered: 199, replayed: 0, rejected: [.outOfOrder: 1])])
  }

  @Test func `a series of several samples is cut between them, each piece with the labels`() {
    let block: [UInt8] = [0x0a, 9, 0x0a, 1, 0x41, 0x12, 1, 1, 0x12, 1, 2]
    var shipment = Shipment(samples: [2])
    var sent: [[UInt8]] = []
    while let piece = shipment.next {
      guard !shipment.halve(open: { _ in block }) else { continue }
      sent.append(piece.cut?.bytes ?? [])
      shipment.settle(.rejected(.tooOld))
    }
    #expect(sent == [[0x0a, 6, 0x0a, 1, 0x41, 0x12, 1, 1], [0x0a, 6, 0x0a, 1, 0x41, 0x12, 1, 2]])
    #expect(shipment.tallies[0].rejected == [.tooOld: 2])
  }

  @Test func `pieces leave in the order their samples came, whatever is refused`() {
    let blocks = [request(0..<4), request(4..<8), request(8..<12)]
    var shipment = Shipment(samples: [4, 4, 4])
    var order: [UInt8] = []
    while let piece = shipment.next {
      guard !shipment.halve(open: { blocks[$0] }) else { continue }
      order += series(piece, of: blocks)
      shipment.settle(.delivered)
    }
    #expect(order == Array(0..<12))
    #expect(shipment.tallies.map(\.delivered) == [4, 4, 4])
    #expect(shipment.blocksDone == 3)
  }

  @Test func `a block that cannot be opened is not cut but counted whole`() {
    var shipment = Shipment(samples: [7])
    let halved = shipment.halve(open: { _ in nil }) || shipment.halve(open: { _ in [0xff] })
    #expect(!halved)
    shipment.settle(.rejected(.invalid))
    #expect(shipment.next == nil)
    #expect(shipment.tallies[0].rejected == [.invalid: 7])
  }
}
