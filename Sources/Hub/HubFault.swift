// SPDX-License-Identifier: Apache-2.0

internal import HTTP

/// A way to misbehave.
public enum HubFault: Sendable, Equatable {
  /// Answers with a status and stores nothing.
  case status(Int, retryAfter: String? = nil, body: String = "injected fault")
  /// Answers 200 with a web page, as the login page of a guest network does, and stores nothing.
  case webPage
  /// Answers as it should, but late.
  case delay(Duration)
  /// Resets the connection and stores nothing.
  case reset
  /// Never answers, and stores nothing.
  case hang
  /// Stores the request, and resets the connection instead of saying so.
  case commitThenDrop

  /// Reads `status=503&retry_after=10`, `delay=250` (milliseconds), `web-page`, `reset`, `hang` or `commit-then-drop`.
  init?(query: [(name: String, value: String)]) {
    func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
    if let status = value("status").flatMap({ Int($0) }), (200..<600).contains(status) {
      self = .status(status, retryAfter: value("retry_after"))
    } else if let delay = value("delay").flatMap({ Int64($0) }), (0...600_000).contains(delay) {
      self = .delay(.milliseconds(delay))
    } else if value("web-page") != nil {
      self = .webPage
    } else if value("reset") != nil {
      self = .reset
    } else if value("hang") != nil {
      self = .hang
    } else if value("commit-then-drop") != nil {
      self = .commitThenDrop
    } else {
      return nil
    }
  }
}
