// SPDX-License-Identifier: Apache-2.0

/// The least and the most of the times of a block's items, in milliseconds.
struct TimeRange {
  private(set) var least = Int64.max
  private(set) var most = Int64.min

  mutating func add(_ time: Int64) {
    least = min(least, time)
    most = max(most, time)
  }
}
