// SPDX-License-Identifier: Apache-2.0

import Testing

/// Asks again and again whether `condition` holds; records an issue, and says no, when it never does within `limit`.
///
/// The limit is for a machine that is busy with other things: a test that passes never waits for it.
@discardableResult
func eventually(
  _ what: String, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
  isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  if try await comesAbout(within: limit, condition) { return true }
  Issue.record("never came about: \(what)", sourceLocation: sourceLocation)
  return false
}

/// The same, where it is no mistake if it never does.
func comesAbout(
  within limit: Duration, isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  while true {
    if try await condition() { return true }
    guard ContinuousClock.now < deadline, !Task.isCancelled else { return false }
    try? await Task.sleep(for: .milliseconds(20))
  }
}
