// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import Telemetry

/// The door through which others reach a component, which outlives the component.
///
/// Others hold the door, not the component behind it, so replacing the component on a reload changes nothing for them:
/// a batch that arrives meanwhile waits for the next one. A batch for a component that failed is refused with the
/// reason.
public final class Inlet<Receiver: Sendable>: Sendable {
  private enum State {
    case closed(waiting: [UInt64: CheckedContinuation<Void, any Error>])
    case open(Receiver)
    case failed(String)
  }

  private struct Guarded {
    var state = State.closed(waiting: [:])
    var nextWaiter: UInt64 = 0
    var changes: UInt64 = 0
  }

  /// The id of the component behind the door.
  public let id: String
  private let guarded = Mutex(Guarded())

  init(id: String) { self.id = id }

  /// Lets batches in, to `receiver`.
  public func open(_ receiver: Receiver) { change(to: .open(receiver)) { $0.resume() } }

  /// Makes batches wait until the door is opened again.
  public func close() {
    guarded.withLock { guarded in
      if case .closed = guarded.state { return }
      guarded.changes &+= 1
      guarded.state = .closed(waiting: [:])
    }
  }

  /// Refuses batches for `reason`.
  public func fail(_ reason: String) {
    let error = InletError(id: id, reason: reason)
    change(to: .failed(reason)) { $0.resume(throwing: error) }
  }

  private func change(to state: State, release: (CheckedContinuation<Void, any Error>) -> Void) {
    let waiting = guarded.withLock { guarded -> [CheckedContinuation<Void, any Error>] in
      defer {
        guarded.changes &+= 1
        guarded.state = state
      }
      guard case .closed(let waiting) = guarded.state else { return [] }
      return Array(waiting.values)
    }
    waiting.forEach(release)
  }

  /// Does `work` with the component once it is there.
  ///
  /// What a component could not finish because it was being stopped meanwhile is done again with the one after it.
  func reach<Result: Sendable>(_ work: (Receiver) async throws -> Result) async throws -> Result {
    while true {
      let (state, changes) = guarded.withLock { ($0.state, $0.changes) }
      switch state {
      case .open(let receiver):
        do { return try await work(receiver) } catch {
          guard !Task.isCancelled, guarded.withLock({ $0.changes }) != changes else { throw error }
        }
      case .failed(let reason): throw InletError(id: id, reason: reason)
      case .closed: try await waitForChange()
      }
    }
  }

  private func waitForChange() async throws {
    let number = guarded.withLock { guarded in
      guarded.nextWaiter += 1
      return guarded.nextWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let goOn = guarded.withLock { guarded -> Bool in
          guard case .closed(var waiting) = guarded.state, !Task.isCancelled else { return true }
          waiting[number] = continuation
          guarded.state = .closed(waiting: waiting)
          return false
        }
        if goOn { continuation.resume() }
      }
    } onCancel: {
      let continuation = guarded.withLock { guarded -> CheckedContinuation<Void, any Error>? in
        guard case .closed(var waiting) = guarded.state else { return nil }
        let continuation = waiting.removeValue(forKey: number)
        guarded.state = .closed(waiting: waiting)
        return continuation
      }
      continuation?.resume(throwing: CancellationError())
    }
    try Task.checkCancellation()
  }
}

/// The door through which samples reach a component. A batch a component was stopped over goes to the one after it, which
/// may see parts of it twice.
public typealias MetricsInlet = Inlet<any MetricsReceiver>

/// The door through which log entries reach a component.
public typealias LogsInlet = Inlet<any LogsReceiver>

extension MetricsInlet {
  /// Hands `batch` on once the component is there.
  public func receive(_ batch: SeriesBatch) async throws { try await reach { try await $0.receive(batch) } }
}

extension LogsInlet {
  /// What `receiver` exports of components that take log entries are called.
  public static var capsuleKind: String { "LogsReceiver" }

  /// Hands `batch` on once the component is there; one that was made anew meanwhile throws ``UnknownOrigin``.
  public func receive(_ batch: LogBatch) async throws { try await reach { try await $0.receive(batch) } }

  /// What the component answers once it is there.
  public func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    try await reach { try await $0.positions(of: origin, route: route, session: session) }
  }
}

/// A batch that was refused because the component behind the inlet is not running.
public struct InletError: Error, Equatable, CustomStringConvertible {
  /// The component's id.
  public var id: String
  /// Why it is not running.
  public var reason: String

  /// One line for the operator.
  public var description: String { "\(id) takes nothing: \(reason)" }
}
