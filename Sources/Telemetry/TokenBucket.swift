// SPDX-License-Identifier: Apache-2.0

/// A rate with a burst: what may pass while it is not exceeded. Has no clock of its own.
public struct TokenBucket: Sendable, Equatable {
  /// Tokens a second.
  public var rate: Double
  /// The most tokens that gather.
  public let burst: Double
  private var tokens: Double
  private var filled: Int64?

  /// A full bucket.
  public init(rate: Double, burst: Double) {
    self.rate = rate
    self.burst = burst
    tokens = burst
  }

  /// Takes `count` tokens if they are there at `now`, monotonic nanoseconds.
  public mutating func take(_ count: Int, now: Int64) -> Bool {
    fill(now)
    guard tokens >= Double(count) else { return false }
    tokens -= Double(count)
    return true
  }

  /// Takes `count` tokens, there or not, and says for how many nanoseconds to wait until there is no debt.
  public mutating func borrow(_ count: Int, now: Int64) -> Int64 {
    fill(now)
    tokens -= Double(count)
    return tokens >= 0 ? 0 : Int64(min(-tokens / rate, 3600) * 1e9)
  }

  private mutating func fill(_ now: Int64) {
    if let filled { tokens = min(burst, tokens + rate * Double(max(0, now - filled)) / 1e9) }
    filled = max(filled ?? now, now)
  }
}
