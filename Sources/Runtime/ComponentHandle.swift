// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Synchronization
internal import Syntax

/// What outlives a component while its id exists: its inlets, its health, and what it exports.
///
/// Components of one id follow each other, and some are made and never run. Each holds a tenure, and only the one whose
/// tenure it is, is heard.
final class ComponentHandle: Sendable {
  private struct State {
    var health = Health.unknown
    /// Why the arguments of the running component are not those the configuration asks for.
    var problem: String?
    var since = wallClockNanoseconds()
    var exports: [String: Value] = [:]
    var hasPublished = false
    var isAnnounced = false
    var lastTenure = 0
    var tenure: Int?

    var effectiveHealth: Health { problem.map { .unhealthy($0) } ?? health }

    /// Another reason for being unhealthy is no new state: "since when" is what the operator looks for.
    mutating func changeHealth(_ change: (inout State) -> Void) {
      let before = effectiveHealth.name
      change(&self)
      if effectiveHealth.name != before { since = wallClockNanoseconds() }
    }
  }

  let id: String
  let metricsInlet: MetricsInlet
  let logsInlet: LogsInlet
  private let state = Mutex(State())
  private let exportsChanged: @Sendable (String) -> Void

  init(id: String, exportsChanged: @Sendable @escaping (String) -> Void) {
    self.id = id
    self.exportsChanged = exportsChanged
    metricsInlet = MetricsInlet(id: id)
    logsInlet = LogsInlet(id: id)
  }

  // MARK: Inlets

  /// Makes what arrives wait for the next component of this id.
  func closeInlets() {
    metricsInlet.close()
    logsInlet.close()
  }

  /// Refuses what arrives, for `reason`.
  func failInlets(_ reason: String) {
    metricsInlet.fail(reason)
    logsInlet.fail(reason)
  }

  // MARK: Whose turn it is

  /// A number for a component that was made.
  func newTenure() -> Int {
    state.withLock {
      $0.lastTenure += 1
      return $0.lastTenure
    }
  }

  /// The component of `tenure` is about to run.
  func begin(_ tenure: Int, exports: [String: Value]) {
    closeInlets()
    state.withLock { state in
      state.tenure = tenure
      state.exports = exports
      state.changeHealth {
        $0.health = .unknown
        $0.problem = nil
      }
    }
  }

  /// The component that ran has ended.
  func end() {
    closeInlets()
    state.withLock { state in
      state.tenure = nil
      state.changeHealth {
        $0.health = .exited
        $0.problem = nil
      }
    }
  }

  // MARK: Health

  var health: (Health, since: Int64) { state.withLock { ($0.effectiveHealth, $0.since) } }

  func report(_ health: Health, by tenure: Int) {
    state.withLock { state in
      guard state.tenure == tenure else { return }
      state.changeHealth { $0.health = health }
    }
  }

  /// Whether what the configuration asks for could be evaluated; a component without that goes on as it was.
  func reportEvaluation(_ problem: String?) { state.withLock { $0.changeHealth { $0.problem = problem } } }

  var hasProblem: Bool { state.withLock { $0.problem != nil } }

  // MARK: Exports

  var exports: [String: Value] { state.withLock { $0.exports } }

  /// What a component of this id last said while it ran; nil when none has.
  var published: [String: Value]? { state.withLock { $0.hasPublished ? $0.exports : nil } }

  /// The exports, of which the next change is announced again.
  func takeExports() -> [String: Value] {
    state.withLock {
      $0.isAnnounced = false
      return $0.exports
    }
  }

  /// Replaces the exports of the running component. Changes that follow each other quickly are announced once.
  func publish(_ exports: [String: Value], by tenure: Int) {
    let isNews = state.withLock { state in
      guard state.tenure == tenure else { return false }
      state.hasPublished = true
      guard state.exports != exports else { return false }
      state.exports = exports
      defer { state.isAnnounced = true }
      return !state.isAnnounced
    }
    if isNews { exportsChanged(id) }
  }
}
