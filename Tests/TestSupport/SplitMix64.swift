// SPDX-License-Identifier: Apache-2.0

import Linux

/// Random numbers that are the same for the same seed, everywhere.
public struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  /// The sequence of `seed`.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number below `bound`.
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// True in `percent` of cases.
  public mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// The seeds of a randomised test: `count` of them from `first` on, or the one in `SPOKE_SEED`, to look at a failure.
public func testSeeds(from first: UInt64 = 1, count: Int) -> [UInt64] {
  if let one = environmentVariable("SPOKE_SEED").flatMap({ UInt64($0) }) { return [one] }
  return (0..<count).map { first &+ UInt64($0) }
}
