// SPDX-License-Identifier: Apache-2.0

/// Decides which errors are worth a line: each once, then once an hour with the number of times it came meanwhile.
struct RepeatedErrors {
  private var known: [String: Occurrences] = [:]

  private struct Occurrences {
    var lastSaid: Int64
    var unsaid = 0
  }

  private static let quiet: Int64 = 3600 * 1_000_000_000
  /// Errors with ever new texts must not fill the memory; beyond this many the oldest are forgotten.
  private static let most = 64

  /// The number of times `error` came since it was last said, this one included; nil when it should not be said now.
  mutating func occurrences(of error: String, now: Int64) -> Int? {
    guard var seen = known[error] else {
      if known.count >= Self.most, let oldest = known.min(by: { $0.value.lastSaid < $1.value.lastSaid }) {
        known[oldest.key] = nil
      }
      known[error] = Occurrences(lastSaid: now)
      return 1
    }
    defer { known[error] = seen }
    seen.unsaid += 1
    guard now - seen.lastSaid >= Self.quiet else { return nil }
    let count = seen.unsaid
    seen = Occurrences(lastSaid: now)
    return count
  }
}
