// SPDX-License-Identifier: Apache-2.0

internal import Runtime
internal import Synchronization

/// Which endpoints of a component are wrong, and so whether the component does its work.
///
/// A hub that is away is no reason for a component to be unhealthy: the queue is for that, and whoever restarts an
/// unhealthy agent would only make it worse. An endpoint that answers 404 or 401 waits for someone to correct it.
final class EndpointHealth: Sendable {
  private let context: ComponentContext
  private let problems = Mutex<[String: String]>([:])

  init(_ context: ComponentContext) { self.context = context }

  /// Takes what is wrong about the endpoint called `name`; nil when nothing is.
  func note(_ problem: String?, of name: String) {
    // Reported under the lock, so that what is said last is what was found last.
    problems.withLock { problems in
      guard problems[name] != problem else { return }
      problems[name] = problem
      let all = problems.sorted { $0.key < $1.key }.map(\.value)
      if all.isEmpty { context.reportHealthy() } else { context.reportUnhealthy(all.joined(separator: "; ")) }
    }
  }
}
