// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// A few blocks of samples on their way: what is sent next, what became of what was sent, and which blocks are done.
///
/// It begins as one request of all the blocks. When the hub refuses it, the blocks go one by one; a refused block goes
/// in halves, and so on until what is refused stands alone. What is left is always sent oldest first, left before
/// right, so that no series ever steps back in time.
struct Shipment {
  /// What one request carries.
  struct Piece: Equatable {
    /// The blocks it is made of, or the one it was cut from.
    var blocks: Range<Int>
    /// What was cut, uncompressed; nil for whole blocks.
    var cut: RequestPart?
  }

  /// What became of a block's samples.
  struct Tally: Equatable {
    var delivered = 0
    var replayed = 0  // refused, but the hub has had them from an attempt that got no answer
    var rejected: [RefusalReason: Int] = [:]
    var rejectedInAll: Int { rejected.values.reduce(0, +) }
  }

  /// How a piece ended.
  enum Fate {
    case delivered
    case replayed
    case rejected(RefusalReason)
  }

  private let samples: [Int]
  private var waiting: [Piece]  // the next one last
  private(set) var tallies: [Tally]
  private(set) var isUntouched = true  // nothing of it has been delivered, refused or cut

  /// A shipment of blocks with this many samples each.
  init(samples: [Int]) {
    self.samples = samples
    waiting = [Piece(blocks: 0..<samples.count)]
    tallies = Array(repeating: Tally(), count: samples.count)
  }

  /// What to send; nil when all is done.
  var next: Piece? { waiting.last }

  /// The number of blocks, from the first, that nothing is left to send of.
  var blocksDone: Int { waiting.last?.blocks.lowerBound ?? tallies.count }

  /// The samples of the next piece.
  var nextSamples: Int {
    guard let piece = next else { return 0 }
    return piece.cut?.counts.samples ?? samples[piece.blocks].reduce(0, +)
  }

  /// Takes the next piece off, and counts its samples.
  mutating func settle(_ fate: Fate) {
    guard let piece = waiting.popLast() else { return }
    isUntouched = false
    for block in piece.blocks { tallies[block].count(piece.cut?.counts.samples ?? samples[block], as: fate) }
  }

  /// Settles all that is left of a block that was cut, and is the next; the samples there were.
  mutating func settleRest(of block: Int, as fate: Fate) -> Int {
    var samples = 0
    while let piece = next, piece.cut != nil, piece.blocks.contains(block) {
      samples += nextSamples
      settle(fate)
    }
    return samples
  }

  /// Makes the last piece of a block that was cut the next one, to learn of another part of the block.
  ///
  /// Only for blocks whose samples are all of one time: of these none must go before another.
  mutating func lookElsewhere(in block: Int) {
    guard let first = waiting.firstIndex(where: { $0.cut != nil && $0.blocks.contains(block) }) else { return }
    waiting.append(waiting.remove(at: first))
  }

  /// Replaces several blocks by each of them alone; false when the piece is not several blocks.
  mutating func unmerge() -> Bool {
    guard let piece = next, piece.blocks.count > 1 else { return false }
    replaceNext(piece.blocks.map { Piece(blocks: $0..<$0 + 1) })
    return true
  }

  /// Replaces the piece by its halves; false when it stands alone. `open` uncompresses a block, or cannot.
  mutating func halve(open: (Int) -> [UInt8]?) -> Bool {
    guard let piece = next else { return false }
    let blocks = piece.blocks
    if blocks.count > 1 {
      let middle = blocks.lowerBound + blocks.count / 2
      replaceNext([Piece(blocks: blocks.lowerBound..<middle), Piece(blocks: middle..<blocks.upperBound)])
      return true
    }
    // Falls back to cutting between the samples of one series, whose shape is that of a stream and its entries.
    guard let bytes = piece.cut?.bytes ?? open(blocks.lowerBound), let halves = splitPushRequest(bytes.span)
    else { return false }
    replaceNext([Piece(blocks: blocks, cut: halves.first), Piece(blocks: blocks, cut: halves.second)])
    return true
  }

  private mutating func replaceNext(_ pieces: [Piece]) {
    isUntouched = false
    waiting.removeLast()
    waiting.append(contentsOf: pieces.reversed())
  }
}

extension Shipment.Tally {
  fileprivate mutating func count(_ samples: Int, as fate: Shipment.Fate) {
    switch fate {
    case .delivered: delivered += samples
    case .replayed: replayed += samples
    case .rejected(let reason): rejected[reason, default: 0] += samples
    }
  }
}
