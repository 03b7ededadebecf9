// SPDX-License-Identifier: Apache-2.0

/// When a target is scraped, and what time its samples get; holds no clock.
///
/// All numbers are nanoseconds. Ticks are on the monotonic clock and a whole number of intervals apart; ticks that a
/// slow scrape overran are skipped. Timestamps are the wall clock's, except that one within a small tolerance of a whole
/// number of intervals after the previous one is moved there: equal distances compress far better on the hub.
struct ScrapeSchedule: Sendable {
  /// At most this far is a timestamp moved, and never more than a hundredth of the interval.
  private static let largestTolerance: Int64 = 2_000_000

  private let interval: Int64
  /// The monotonic time of the next scrape.
  private(set) var nextTick: Int64
  private var aligned: Int64?

  /// A schedule that begins after `delay`.
  init(interval: Int64, startingAt monotonic: Int64, delay: Int64) {
    self.interval = interval
    nextTick = monotonic + delay
  }

  /// How long to wait so that the target is scraped at the same moment of every interval of the wall clock, in every
  /// process.
  static func spread(hash: UInt64, interval: Int64, wall: Int64) -> Int64 {
    let moment = Int64(hash % UInt64(interval))
    let now = ((wall % interval) + interval) % interval
    return moment >= now ? moment - now : moment - now + interval
  }

  /// The timestamp of a scrape that begins when the wall clock shows `wall`.
  mutating func timestamp(wall: Int64) -> Int64 {
    let stamp = aligned.map { align(wall, to: $0) } ?? wall
    aligned = stamp
    return stamp
  }

  /// Further off than jitter explains, it stays as it is: the machine was suspended, or someone set the clock.
  private func align(_ wall: Int64, to previous: Int64) -> Int64 {
    let (passed, overflow) = wall.subtractingReportingOverflow(previous)
    guard !overflow, passed > 0 else { return wall }
    let tolerance = min(interval / 100, Self.largestTolerance)
    let late = passed % interval
    if late <= tolerance, passed >= interval { return wall - late }
    return interval - late <= tolerance ? wall &+ (interval - late) : wall
  }

  /// Moves to the first tick after `monotonic`.
  mutating func advance(past monotonic: Int64) {
    let behind = max(0, monotonic - nextTick)
    nextTick += (behind / interval + 1) * interval
  }
}
