// SPDX-License-Identifier: Apache-2.0

public import Testing

/// Waits until `condition` holds; a failure, and false, when it does not within a limit that only a hang reaches.
@discardableResult
public func eventually(
  _ what: String, within limit: Duration = .seconds(120), sourceLocation: SourceLocation = #_sourceLocation,
  isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  if try await comesAbout(within: limit, condition) { return true }
  Issue.record("never came about: \(what)", sourceLocation: sourceLocation)
  return false
}

/// The same, where it is no mistake if it never does.
public func comesAbout(
  within limit: Duration, isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  while true {
    if try await condition() { return true }
    guard ContinuousClock.now < deadline, !Task.isCancelled else { return false }
    try? await Task.sleep(for: .milliseconds(5))
  }
}
