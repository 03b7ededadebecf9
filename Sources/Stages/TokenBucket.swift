// SPDX-License-Identifier: Apache-2.0

/// So many a second on average, and a burst at once.
struct TokenBucket {
  private let rate: Double
  private let burst: Double
  private var tokens: Double
  private var filled: Int64

  /// A full one; `rate` is for a second.
  init(rate: Double, burst: Int, at monotonic: Int64) {
    self.rate = rate
    self.burst = Double(burst)
    tokens = self.burst
    filled = monotonic
  }

  private mutating func fill(at monotonic: Int64) {
    let passed = Double(max(0, monotonic - filled)) / 1e9
    tokens = min(burst, tokens + passed * rate)
    filled = monotonic
  }

  /// Takes one, if there is one.
  mutating func takeIfAvailable(at monotonic: Int64) -> Bool {
    fill(at: monotonic)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// Takes one, on credit if need be; returns when the next is there, unless it is.
  mutating func take(at monotonic: Int64) -> Int64? {
    fill(at: monotonic)
    tokens -= 1
    guard tokens < 1 else { return nil }
    return monotonic + Int64(min((1 - tokens) / rate * 1e9, 1e17).rounded(.up))
  }
}
