// SPDX-License-Identifier: Apache-2.0

/// How far this host's clock is from the hub's, judged by the `Date` of its answers.
///
/// Worth knowing because a hub refuses what comes from its future, for good.
public struct ClockSkew: Sendable, Equatable {
  /// Beyond this much the operator is told.
  public static let tolerated: Int64 = 300

  /// Seconds this host is ahead of the hub; negative when behind, nil before the first dated answer.
  public private(set) var seconds: Int64?
  private var warned = false

  /// Nothing known yet.
  public init() {}

  /// Takes the `Date` header of an answer that came at `now`, seconds since 1970; true when it is time to warn, which
  /// is once each time the clocks part.
  public mutating func observe(date: String?, now: Int64) -> Bool {
    guard let date, let hub = secondsSince1970(httpDate: date) else { return false }
    let skew = now - hub
    seconds = skew
    let isWide = skew.magnitude > Self.tolerated.magnitude
    defer { warned = isWide }
    return isWide && !warned
  }
}
