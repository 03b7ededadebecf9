// SPDX-License-Identifier: Apache-2.0

/// How large requests were: counts of them by upper bound.
public struct SizeHistogram: Sendable, Equatable {
  /// Upper bounds in bytes, each four times the one before; a last bucket without bound follows.
  public static let bounds: [Int] = [256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20]

  /// Requests by bucket, not yet cumulative; one more than there are bounds.
  public private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
  /// The bytes of all of them.
  public private(set) var sum = 0

  /// The number of requests.
  public var count: Int { counts.reduce(0, +) }

  /// No requests.
  public init() {}

  /// Counts a request of `bytes`.
  public mutating func observe(_ bytes: Int) {
    counts[Self.bounds.firstIndex { bytes <= $0 } ?? Self.bounds.count] += 1
    sum += bytes
  }
}
