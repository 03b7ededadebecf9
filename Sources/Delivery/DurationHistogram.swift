// SPDX-License-Identifier: Apache-2.0

/// How long requests took: counts of them by upper bound, in the bounds dashboards for remote write expect.
public struct DurationHistogram: Sendable, Equatable {
  /// Upper bounds in seconds; a last bucket without bound follows.
  public static let bounds: [Double] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300,
  ]

  /// Requests by bucket, not yet cumulative; one more than there are bounds.
  public private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
  /// The seconds of all of them.
  public private(set) var sum = 0.0

  /// The number of requests.
  public var count: Int { counts.reduce(0, +) }

  /// No requests.
  public init() {}

  /// Counts a request that took `seconds`.
  public mutating func observe(_ seconds: Double) {
    counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
    sum += seconds
  }
}
