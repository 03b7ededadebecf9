// SPDX-License-Identifier: Apache-2.0

/// What an answer, or its absence, means for the request that was sent.
///
/// Four kinds of trouble are told apart: the hub is *away or busy* (tried again for ever, soon and then less often);
/// the *endpoint is wrong* (nothing sent there could succeed; held and probed slowly); the *data are refused*
/// (divided until the culprit stands alone); and *too much at once* (halved). A value without clock or randomness of
/// its own.
public struct RetryPolicy: Sendable {
  /// The protocol whose answers are read.
  public enum Dialect: Sendable {
    /// Prometheus remote write 1.0: a request is stored whole or not at all.
    case remoteWrite
    /// Loki push: a 400 means that some entries were refused and the rest stored.
    case loki
  }

  /// How long to wait, and what to give up on.
  public struct Limits: Sendable, Equatable {
    /// The wait after a first failure.
    public var shortestBackoff: Duration = .milliseconds(30)
    /// The longest wait between attempts while the hub is away.
    public var longestBackoff: Duration = .seconds(5)
    /// The longest `Retry-After` believed.
    public var longestRetryAfter: Duration = .seconds(600)
    /// The wait before a wrong endpoint is tried a second time.
    public var shortestHold: Duration = .seconds(60)
    /// The longest wait between attempts at a wrong endpoint.
    public var longestHold: Duration = .seconds(300)
    /// Whether 429 means "later"; if not, it means "never".
    public var retriesTooManyRequests = true

    /// Alloy's defaults for remote write.
    public init() {}
  }

  /// How an attempt ended.
  public enum Outcome: Sendable, Equatable {
    /// The hub answered; `retryAfter` is its header, already understood.
    case response(status: Int, retryAfter: Duration? = nil)
    /// A web page came back with a 2xx: a login page or a proxy's greeting, but not a receiver.
    case webPage(status: Int)
    /// There was no answer: refused, reset, timed out.
    case noAnswer
  }

  /// What to do with the request now.
  public enum Action: Sendable, Equatable {
    /// The hub has it.
    case acknowledge
    /// The hub has it, except for entries it named, and it must not be sent again; where it named none, as `divide`.
    case acknowledgePartly
    /// Send it again, unchanged, later.
    case retry(after: Duration)
    /// The endpoint is wrong, not the data: send it again much later, and say so loudly.
    case hold(after: Duration)
    /// Send its parts one by one; what stands alone already is rejected.
    case divide
    /// Send its halves; what stands alone already is too large.
    case halve
    /// Count it as refused, without another attempt.
    case reject(RefusalReason)
  }

  private let dialect: Dialect
  private let limits: Limits
  private var backoff: Duration
  private var hold: Duration

  /// A policy that has seen no trouble yet.
  public init(_ dialect: Dialect, limits: Limits = Limits()) {
    self.dialect = dialect
    self.limits = limits
    backoff = limits.shortestBackoff
    hold = limits.shortestHold
  }

  /// What to do after `outcome`. `random`, in 0..<1, moves a backoff by up to a tenth either way.
  public mutating func next(after outcome: Outcome, random: Double) -> Action {
    switch outcome {
    case .response(let status, let retryAfter): return next(after: status, retryAfter, random)
    case .webPage: return heldBack()
    case .noAnswer: return retry(nil, random)
    }
  }

  private mutating func next(after status: Int, _ retryAfter: Duration?, _ random: Double) -> Action {
    switch status {
    case 260 where dialect == .loki:  // stored nothing: ingestion is blocked by the hub's owner
      return heldBack()
    case 200..<300:
      return calm(.acknowledge)
    case 400 where dialect == .loki:
      return calm(.acknowledgePartly)
    case 400, 409, 422:
      return calm(.divide)
    case 413:
      return calm(.halve)
    case 429 where !limits.retriesTooManyRequests:
      return calm(.reject(.rateLimited))
    case 408, 429, 500..<600:
      return retry(retryAfter, random)
    default:
      return heldBack()
    }
  }

  /// An answer about the data shows that the hub is there and the endpoint right: waits begin anew.
  private mutating func calm(_ action: Action) -> Action {
    backoff = limits.shortestBackoff
    hold = limits.shortestHold
    return action
  }

  /// A wish of the hub for a longer wait is granted exactly, one for a shorter wait is not.
  private mutating func retry(_ requested: Duration?, _ random: Double) -> Action {
    let wait = backoff * (0.9 + 0.2 * random)
    backoff = min(backoff * 2, limits.longestBackoff)
    hold = limits.shortestHold
    guard let requested else { return .retry(after: wait) }
    return .retry(after: max(wait, min(requested, limits.longestRetryAfter)))
  }

  private mutating func heldBack() -> Action {
    let wait = hold
    hold = min(hold * 2, limits.longestHold)
    backoff = limits.shortestBackoff
    return .hold(after: wait)
  }
}

extension RetryPolicy {
  /// The wait a `Retry-After` header asks for, in seconds or until a date; nil where it says neither.
  ///
  /// `now` is seconds since 1970. A date is read against the hub's own `Date` where there is one, so that a clock
  /// that differs does not matter. A moment that has passed means no wait.
  public static func retryAfter(_ header: String, now: Int64) -> Duration? {
    let text = header.trimmingSpaces()
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return .seconds(Int64(text).map { min($0, 1 << 32) } ?? 1 << 32)
    }
    guard let date = secondsSince1970(httpDate: text) else { return nil }
    return .seconds(max(0, date - now))
  }

  /// What an operator can do about `status` from an endpoint that is held.
  public static func remedy(for status: Int, _ dialect: Dialect) -> String {
    switch status {
    case 404 where dialect == .remoteWrite, 405 where dialect == .remoteWrite:
      "start Prometheus with --web.enable-remote-write-receiver, or correct the path of the url (usually /api/v1/write)"
    case 404, 405:
      "correct the path of the url (usually /loki/api/v1/push)"
    case 401 where dialect == .loki, 403 where dialect == .loki:
      "check the endpoint's credentials (basic_auth, authorization, bearer_token_file) and tenant_id, and what they permit"
    case 401, 403:
      "check the endpoint's credentials (basic_auth, authorization, bearer_token_file) and what they permit"
    case 407:
      "give the proxy's credentials in proxy_url"
    case 415 where dialect == .remoteWrite:
      "the receiver must accept prometheus.WriteRequest (--web.remote-write-receiver.accepted-protobuf-messages)"
    case 260 where dialect == .loki:
      "the hub's owner has blocked ingestion; lift the block there"
    case 200..<300:
      "a web page answered, perhaps of a login or a proxy; check that the endpoint's url leads to the receiver"
    case 300..<400:
      "redirects are not followed; put the final address into the endpoint's url"
    default:
      "check that the endpoint's url leads to the receiver"
    }
  }
}

extension String {
  func trimmingSpaces() -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let start = firstIndex(where: { !isSpace($0) }), let end = lastIndex(where: { !isSpace($0) }) else {
      return ""
    }
    return String(self[start...end])
  }
}
