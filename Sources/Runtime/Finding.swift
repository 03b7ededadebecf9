// SPDX-License-Identifier: Apache-2.0

/// Something `agent check` found out.
public struct Finding: Sendable, Equatable {
  /// How it is.
  public enum Verdict: String, Sendable {
    /// As it should be.
    case ok
    /// It works, but should be changed.
    case warning
    /// It does not work.
    case failed
  }

  /// How it is.
  public var verdict: Verdict
  /// What was looked at: a component's id, `configuration`, `state`.
  public var subject: String
  /// What was found.
  public var message: String
  /// What to do about it; empty when nothing needs doing.
  public var remedy: String

  /// A finding.
  public init(_ verdict: Verdict, _ subject: String, _ message: String, remedy: String = "") {
    self.verdict = verdict
    self.subject = subject
    self.message = message
    self.remedy = remedy
  }
}
