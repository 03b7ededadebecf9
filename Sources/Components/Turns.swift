// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Lets one task at a time do its work, in the order they came; an actor would let others in wherever the work awaits.
final class Turns: Sendable {
  private struct Guarded {
    var isTaken = false
    var waiting: [(number: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    var nextNumber: UInt64 = 0
  }

  private let guarded = Mutex(Guarded())

  /// Whether somebody waits for a turn.
  var isContended: Bool { guarded.withLock { !$0.waiting.isEmpty } }

  /// Does `work` when it is its turn; throws `CancellationError` when the task is cancelled before that.
  func take<Result: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ work: () async throws -> Result
  ) async throws -> Result {
    try await wait()
    defer { pass() }
    return try await work()
  }

  private func wait() async throws {
    let number = guarded.withLock { guarded in
      guarded.nextNumber += 1
      return guarded.nextNumber
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isCancelled, isOurs) = guarded.withLock { guarded -> (Bool, Bool) in
          guard !Task.isCancelled else { return (true, false) }
          guard guarded.isTaken else {
            guarded.isTaken = true
            return (false, true)
          }
          guarded.waiting.append((number, continuation))
          return (false, false)
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        if isOurs { continuation.resume() }
      }
    } onCancel: {
      let continuation = guarded.withLock { guarded -> CheckedContinuation<Void, any Error>? in
        guard let place = guarded.waiting.firstIndex(where: { $0.number == number }) else { return nil }
        return guarded.waiting.remove(at: place).continuation
      }
      continuation?.resume(throwing: CancellationError())
    }
  }

  private func pass() {
    let next = guarded.withLock { guarded -> CheckedContinuation<Void, any Error>? in
      guard !guarded.waiting.isEmpty else {
        guarded.isTaken = false
        return nil
      }
      return guarded.waiting.removeFirst().continuation
    }
    next?.resume()
  }
}
