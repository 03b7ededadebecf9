// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Wire

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Values that have gone wrong somewhere, and any others.
  mutating func valueBits() -> UInt64 {
    let edges: [UInt64] = [
      0, (-0.0).bitPattern, staleMarkerBits, normalNaNBits, Double.infinity.bitPattern, (-Double.infinity).bitPattern,
      Double.leastNonzeroMagnitude.bitPattern, Double.greatestFiniteMagnitude.bitPattern, 1.0.bitPattern,
      0xfff0_0000_0000_0001, .max,
    ]
    return Bool.random(using: &self) ? edges.randomElement(using: &self) ?? 0 : next()
  }

  mutating func time() -> Int64 {
    let edges: [Int64] = [0, -1, 1, 127, 128, .min, .max, 1_700_000_000_000, -1_000_000_001, 999_999_999]
    return Bool.random(using: &self) ? edges.randomElement(using: &self) ?? 0 : Int64(bitPattern: next())
  }

  mutating func labels() -> LabelSet {
    var labels: [String: String] = [:]
    for _ in 0..<Int.random(in: 0...6, using: &self) { labels[text()] = text() }
    labels[""] = nil
    return LabelSet(labels)
  }

  /// Texts around the lengths where a varint grows, and with what others choke on.
  mutating func text() -> String {
    let lengths = [1, 3, 121, 122, 123, 124, 125, 126, 127, 128, 300]
    let length = Int.random(in: 0..<50, using: &self) == 0 ? 16_390 : lengths.randomElement(using: &self) ?? 1
    let character = ["a", "_", "é", "\u{0}", "\"", "\n", "😀", "\\"].randomElement(using: &self) ?? "a"
    return String(repeating: character, count: Bool.random(using: &self) ? length : length % 7)
  }
}

/// A request beside what it must decode to.
struct RandomRequest {
  var encoder = RemoteWriteEncoder()
  var expected = WriteRequest()

  init(series: Int, _ random: inout SeededGenerator) {
    for _ in 0..<series {
      let labels = random.labels()
      let bits = random.valueBits()
      let time = random.time()
      var exemplars: [SeriesBatch.Exemplar] = []
      if Int.random(in: 0..<4, using: &random) == 0 {
        exemplars.append(
          SeriesBatch.Exemplar(
            row: 0, labels: random.labels(), value: 0.25, timestampMilliseconds: Bool.random(using: &random) ? nil : 7))
      }
      encoder.add(packedLabels: labels.packed.span, valueBits: bits, timestampMilliseconds: time, exemplars: exemplars)
      expected.series.append(
        WriteRequest.Series(
          labels: labels.labels, samples: [WriteRequest.Sample(valueBits: bits, timestampMilliseconds: time)],
          exemplars: exemplars.map {
            WriteRequest.Exemplar(
              labels: $0.labels.labels, valueBits: $0.value.bitPattern,
              timestampMilliseconds: $0.timestampMilliseconds ?? time)
          }))
    }
  }
}
