// SPDX-License-Identifier: Apache-2.0

/// What a pool asks the caller to fetch.
public struct ScrapeRequest: Sendable {
  /// The target; its `url` is what to get.
  public var target: ScrapeTarget
  /// `Accept`, `Accept-Encoding` and the timeout, to be sent as they are.
  public var headers: [(name: String, value: String)]
  /// Decompressed bytes after which to give up with a `ScrapeError` of kind `bodySizeLimit`; 0 for no limit.
  public var bodySizeLimit: Int
  /// When to give up, on the pool's monotonic clock; the task is cancelled then.
  public var deadline: Int64

  init(_ target: ScrapeTarget, _ settings: ScrapeSettings, deadline: Int64) {
    self.target = target
    self.deadline = deadline
    bodySizeLimit = settings.bodySizeLimit
    headers = [
      ("Accept", ScrapeProtocol.acceptHeader(settings.protocols, escaping: settings.nameEscaping)),
      ("Accept-Encoding", settings.enableCompression ? "gzip" : "identity"),
      ("X-Prometheus-Scrape-Timeout-Seconds", plainSeconds(target.timeout)),
    ]
  }
}

/// `10` or `2.5`.
private func plainSeconds(_ duration: Duration) -> String {
  let text = "\(duration.inSeconds)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// What came back.
public struct FetchedPage: Sendable {
  /// The HTTP status.
  public var status: Int
  /// The `Content-Type`, if there was one.
  public var contentType: String?
  /// The body, decompressed.
  public var body: [UInt8]

  /// A page.
  public init(status: Int, contentType: String?, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}
