// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Synchronization
internal import Syntax

/// What outlives a component while its id exists: its inlet, its health, and what it exports.
final class ComponentHandle: Sendable {
  private struct State {
    var health = Health.unknown
    var since = wallClockNanoseconds()
    var exports: [String: Value] = [:]
  }

  let id: String
  let inlet: MetricsInlet
  private let state = Mutex(State())
  private let exportsChanged: @Sendable (String) -> Void

  init(id: String, exportsChanged: @Sendable @escaping (String) -> Void) {
    self.id = id
    self.exportsChanged = exportsChanged
    inlet = MetricsInlet(id: id)
  }

  var exports: [String: Value] { state.withLock { $0.exports } }

  var health: (Health, since: Int64) { state.withLock { ($0.health, $0.since) } }

  func report(_ health: Health) {
    state.withLock {
      guard $0.health != health else { return }
      $0.health = health
      $0.since = wallClockNanoseconds()
    }
  }

  /// Sets what the component exports before it runs.
  func reset(_ exports: [String: Value]) { state.withLock { $0.exports = exports } }

  /// Replaces the exports of the running component.
  func publish(_ exports: [String: Value]) {
    let changed = state.withLock { state in
      defer { state.exports = exports }
      return state.exports != exports
    }
    if changed { exportsChanged(id) }
  }
}
