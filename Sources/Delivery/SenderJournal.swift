// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What a sender tells the operator: each change once, what lasts every five minutes, what recurs at most every ten
/// seconds.
struct SenderJournal {
  private enum Trouble: Equatable {
    case away
    case held(Int)
  }

  private static let reminder: Int64 = 300 * 1_000_000_000
  private static let pauseBetweenRefusals: Int64 = 10 * 1_000_000_000

  private let log: Log
  private let url: String
  private let dialect: RetryPolicy.Dialect
  private var trouble: Trouble?
  private var troubleSince: Int64 = 0
  private var lastTold: Int64 = 0
  private var lastRefusal: Int64?
  private var refusedSince = 0  // samples refused since the last line about it
  private var lastQueueFailure: Int64?

  init(log: Log, url: String, dialect: RetryPolicy.Dialect) {
    self.log = log
    self.url = url
    self.dialect = dialect
  }

  mutating func away(_ error: String, now: Int64) {
    guard isWorthTelling(.away, now) else { return }
    log.warn("the hub takes nothing at present; data waits in the queue", ("url", url), ("err", error))
  }

  mutating func held(_ status: Int, _ error: String, now: Int64) {
    guard isWorthTelling(.held(status), now) else { return }
    log.error(
      "the endpoint is wrong; data waits in the queue until it is corrected", ("url", url), ("status", "\(status)"),
      ("err", error), ("remedy", RetryPolicy.remedy(for: status, dialect)))
  }

  mutating func working(now: Int64) {
    guard trouble != nil else { return }
    trouble = nil
    log.info("the hub takes data again", ("url", url), ("after_seconds", "\((now - troubleSince) / 1_000_000_000)"))
  }

  mutating func refused(_ samples: Int, _ reason: RefusalReason, _ error: String, now: Int64) {
    refusedSince += samples
    if let lastRefusal, now - lastRefusal < Self.pauseBetweenRefusals { return }
    log.error(
      "the hub refused data for good; the rest was delivered", ("url", url), ("reason", reason.rawValue),
      (dialect == .loki ? "lines" : "samples", "\(refusedSince)"), ("err", error))
    lastRefusal = now
    refusedSince = 0
  }

  func clocksApart(seconds: Int64) {
    log.warn(
      "this host's clock differs from the hub's; samples from the hub's future are refused",
      ("url", url), ("ahead_seconds", "\(seconds)"), ("remedy", "synchronise both clocks (NTP)"))
  }

  mutating func queueFailed(_ error: any Error, now: Int64) {
    if let lastQueueFailure, now - lastQueueFailure < Self.reminder { return }
    lastQueueFailure = now
    log.error("the queue cannot be read", ("url", url), ("err", "\(error)"))
  }

  private mutating func isWorthTelling(_ new: Trouble, _ now: Int64) -> Bool {
    if trouble == nil { troubleSince = now }
    guard trouble != new || now - lastTold >= Self.reminder else { return false }
    trouble = new
    lastTold = now
    return true
  }
}
