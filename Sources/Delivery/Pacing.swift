// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// How fast log lines are sent once a hub has said that it was too fast; until then there is no limit.
///
/// It begins at half of what the hub took lately, halves again when that was still too much, grows by a twentieth every
/// ten seconds, and is forgotten when nothing was said for three minutes. Times are monotonic nanoseconds.
struct Pacing {
  private static let second: Int64 = 1_000_000_000
  private static let slowest = 131_072.0  // bytes a second
  private static let window = 10 * second
  private static let memory = 180 * second

  private var bucket: TokenBucket?
  private var lastComplaint: Int64?
  private var lastRaise: Int64 = 0
  private var windowStart: Int64?
  private var windowBytes = 0
  private var lastWindow: (rate: Double, end: Int64)?

  /// Bytes a second; nil for any number.
  var limit: Double? { bucket?.rate }

  /// Whether the hub has complained in the last three minutes.
  func isWary(now: Int64) -> Bool { lastComplaint.map { now - $0 < Self.memory } ?? false }

  /// Notes `bytes` the hub took.
  mutating func took(_ bytes: Int, now: Int64) {
    if let start = windowStart, now - start > Self.window {
      lastWindow = (Double(windowBytes) / seconds(since: start, now), now)
      windowStart = nil
    }
    if windowStart == nil {
      windowStart = now
      windowBytes = 0
    }
    windowBytes += bytes
  }

  /// Slows down: the hub has answered 429. What it says within a second of that is about the same.
  mutating func complain(now: Int64) {
    defer { lastComplaint = now }
    if let rate = bucket?.rate, let lastComplaint {
      guard now - lastComplaint >= Self.second else { return }
      bucket?.rate = max(Self.slowest, rate / 2)
    } else if let achieved = achieved(now) {
      let rate = max(Self.slowest, achieved / 2)
      bucket = TokenBucket(rate: rate, burst: rate)
    }
    lastRaise = now
  }

  /// How long to wait before `bytes` are sent, in nanoseconds.
  mutating func wait(before bytes: Int, now: Int64) -> Int64 {
    guard let rate = bucket?.rate else { return 0 }
    guard isWary(now: now) else {
      bucket = nil
      return 0
    }
    let raises = (now - lastRaise) / (10 * Self.second)
    lastRaise += raises * 10 * Self.second
    bucket?.rate = (0..<raises).reduce(rate) { rate, _ in rate * 1.05 }
    return bucket?.borrow(bytes, now: now) ?? 0
  }

  /// The rate lately achieved; nil when nothing was.
  private func achieved(_ now: Int64) -> Double? {
    var rate: Double?
    if let start = windowStart, now - start <= 2 * Self.window {
      rate = Double(windowBytes) / seconds(since: start, now)
    }
    if let lastWindow, now - lastWindow.end <= Self.window { rate = max(rate ?? 0, lastWindow.rate) }
    return rate
  }

  private func seconds(since start: Int64, _ now: Int64) -> Double {
    Double(max(now - start, Self.second)) / Double(Self.second)
  }
}
