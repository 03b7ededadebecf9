// SPDX-License-Identifier: Apache-2.0

import Scrape
import Synchronization

/// Time that passes when a test says so.
final class ManualClock: Sendable {
  private struct State {
    var now: Int64 = 0
    var wall: Int64
    var sleepers: [Int: (until: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var begun = 0
  }

  private let state: Mutex<State>

  /// Begins at `wall` milliseconds since 1970.
  init(wallMilliseconds: Int64) { state = Mutex(State(wall: wallMilliseconds * 1_000_000)) }

  var clock: ScrapeClock {
    ScrapeClock(
      wall: { [self] in state.withLock { $0.wall } }, monotonic: { [self] in state.withLock { $0.now } },
      sleep: { [self] in try await sleep(until: $0) })
  }

  private func sleep(until: Int64) async throws {
    let id = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isDue = state.withLock { state in
          if until > state.now { state.sleepers[id] = (until, continuation) }
          return until <= state.now
        }
        if isDue { continuation.resume() } else if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      cancel(id)
    }
  }

  private func cancel(_ id: Int) {
    state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
  }

  /// Lets `milliseconds` pass on both clocks and wakes who is due.
  func advance(milliseconds: Int64) {
    let due = state.withLock { state in
      state.now += milliseconds * 1_000_000
      state.wall += milliseconds * 1_000_000
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  /// Someone sets the wall clock.
  func setWall(milliseconds: Int64) { state.withLock { $0.wall = milliseconds * 1_000_000 } }

  /// How often a task has gone to sleep.
  var sleeps: Int { state.withLock { $0.begun } }

  /// Returns once `count` tasks sleep, the earliest until `milliseconds` on the monotonic clock, and tasks have gone to
  /// sleep `sleeps` times.
  func waitForSleepers(_ count: Int, earliest milliseconds: Int64? = nil, sleeps: Int = 0) async {
    while true {
      let (sleepers, begun) = state.withLock { ($0.sleepers.values.map(\.until), $0.begun) }
      let isEarliest = milliseconds == nil || sleepers.min() == milliseconds.map { $0 * 1_000_000 }
      if sleepers.count == count, isEarliest, begun >= sleeps { return }
      await Task.yield()
    }
  }
}
