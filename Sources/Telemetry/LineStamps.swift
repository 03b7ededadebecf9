// SPDX-License-Identifier: Apache-2.0

/// Timestamps for lines that bring none: each later than the one before, so that a hub keeps their order.
///
/// Except when the clock was set back by much. A hub refuses what comes from its future, ten minutes of it as Loki comes, so
/// going on from where the clock had been would cost every line until it is there again.
public struct LineStamps: Sendable {
  private static let longestWait: Int64 = 60_000_000_000

  private var last = Int64.min

  /// None given yet.
  public init() {}

  /// The timestamp of a line that is read at `now`; both nanoseconds since 1970.
  public mutating func next(at now: Int64) -> Int64 {
    let isSetBack = now < last && last &- now > Self.longestWait
    last = now > last || isSetBack ? now : last + 1
    return last
  }
}
