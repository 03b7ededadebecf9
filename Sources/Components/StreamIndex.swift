// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// The streams that label sets become at one endpoint, and their order within the block being made.
///
/// Labels for internal use go, external labels are added where there is none of the name.
struct StreamIndex {
  private let external: LabelSet
  private var incoming = LabelIndex()
  private var streamOfIncoming: [Int32] = []  // -1 where no label is left
  private var streams = LabelIndex()
  private var order: [Int32] = []  // of each stream: its place in this block, or -1
  private var used: [Int32] = []  // the streams of this block, by place

  /// More label sets than this are forgotten together: somebody makes a label of what is never the same.
  private static let capacity = 20_000

  init(externalLabels: LabelSet) { external = externalLabels }

  /// How many streams this block has.
  var usedCount: Int { used.count }

  /// Begins a block.
  mutating func begin() {
    if incoming.count > Self.capacity {
      self = StreamIndex(externalLabels: external)
      return
    }
    for stream in used { order[Int(stream)] = -1 }
    used.removeAll(keepingCapacity: true)
    incoming.rewind()
  }

  /// The stream of packed labels; -1 where no label is left.
  mutating func find(_ labels: Span<UInt8>) -> Int32 {
    let (number, isNew) = incoming.find(labels)
    if isNew { streamOfIncoming.append(add(labels)) }
    return streamOfIncoming[number]
  }

  private mutating func add(_ labels: Span<UInt8>) -> Int32 {
    var final: [UInt8] = []
    appendWithoutInternalLabels(mergedLabels(labels, external.packed.span).span, keepingMetricName: false, to: &final)
    guard !final.isEmpty else { return -1 }
    let (number, isNew) = streams.find(final.span)
    if isNew { order.append(-1) }
    return Int32(number)
  }

  /// The place of `stream` in this block; nil when it would be one more than `limit` (0 for none).
  mutating func use(_ stream: Int32, limit: Int) -> Int32? {
    let place = order[Int(stream)]
    if place >= 0 { return place }
    guard limit == 0 || used.count < limit else { return nil }
    order[Int(stream)] = Int32(used.count)
    used.append(stream)
    return order[Int(stream)]
  }

  /// The packed labels of all streams.
  var bytes: [UInt8] { streams.bytes }

  /// Where the labels of the stream at `place` in this block stand in `bytes`.
  func range(of place: Int32) -> Range<Int> { streams.range(of: Int(used[Int(place)])) }
}
