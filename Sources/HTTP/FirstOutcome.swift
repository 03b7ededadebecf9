// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The point where a result, a deadline and a cancellation meet: whoever settles it first wins, and the losers are told.
final class FirstOutcome<Value: Sendable>: Sendable {
  private typealias Outcome = Result<Value, HTTPError>
  private enum State: Sendable {
    case open
    case awaited(CheckedContinuation<Result<Value, HTTPError>, Never>)
    case settled(Result<Value, HTTPError>)
  }

  private let state = Mutex(State.open)

  /// Settles it, unless that has happened. False means that nobody will see `result`: undo it.
  @discardableResult
  func settle(_ result: Result<Value, HTTPError>) -> Bool {
    let waiting: CheckedContinuation<Result<Value, HTTPError>, Never>?
    switch state.withLock({ state in
      let before = state
      if case .settled = before { return before }
      state = .settled(result)
      return before
    }) {
    case .settled: return false
    case .awaited(let continuation): waiting = continuation
    case .open: waiting = nil
    }
    waiting?.resume(returning: result)
    return true
  }

  /// Whether the outcome is known; further work toward it is wasted.
  var isSettled: Bool {
    state.withLock { if case .settled = $0 { true } else { false } }
  }

  /// Waits, once, for the outcome; past `deadline` it is a timeout in `phase`.
  func value(
    by deadline: Deadline, in phase: HTTPError.Phase, with address: String, on loop: any EventLoop
  ) async throws(HTTPError) -> Value {
    let timer = loop.scheduleTask(deadline: deadline.moment) {
      _ = self.settle(.failure(.timeout(phase, address: address)))
    }
    defer { timer.cancel() }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known: Result<Value, HTTPError>? = state.withLock { state in
          if case .settled(let result) = state { return result }
          state = .awaited(continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      settle(.failure(.cancelled))
    }
    return try outcome.get()
  }
}

/// When patience ends.
struct Deadline: Sendable {
  var moment: NIODeadline

  /// `duration` from now.
  init(after duration: Duration) { moment = .now() + TimeAmount(min(max(duration, .zero), .seconds(366 * 86400))) }

  /// This deadline, or `duration` from now when that is sooner.
  func butAtMost(_ duration: Duration) -> Deadline {
    var result = Deadline(after: duration)
    result.moment = min(result.moment, moment)
    return result
  }

  /// What is left until then.
  var remaining: Duration { .nanoseconds(max(0, (moment - .now()).nanoseconds)) }
}
