// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The clocks a pool lives by; tests give it their own.
///
/// Sleeping goes by the monotonic clock, so a wall clock that is set forward or back neither stops nor floods a loop.
public struct ScrapeClock: Sendable {
  /// Nanoseconds since 1970; what samples are stamped with.
  public var wall: @Sendable () -> Int64
  /// Nanoseconds that never jump.
  public var monotonic: @Sendable () -> Int64
  /// Returns when `monotonic` has reached the number, or throws when the task is cancelled.
  public var sleep: @Sendable (_ until: Int64) async throws -> Void

  /// A clock made of functions.
  public init(
    wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64,
    sleep: @escaping @Sendable (_ until: Int64) async throws -> Void
  ) {
    self.wall = wall
    self.monotonic = monotonic
    self.sleep = sleep
  }

  /// The kernel's clocks.
  public static let system = ScrapeClock(
    wall: { wallClockNanoseconds() },
    monotonic: { monotonicNanoseconds() },
    sleep: { until in
      let rest = max(0, until - monotonicNanoseconds())
      try await Task.sleep(for: Duration.nanoseconds(rest), tolerance: nil, clock: SuspendingClock())
    })
}
