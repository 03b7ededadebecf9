// SPDX-License-Identifier: Apache-2.0

/// What a client asks.
public struct HTTPRequest: Sendable {
  /// The method, in capitals.
  public var method: String
  /// Where to.
  public var url: HTTPURL
  /// Header fields beyond those the client adds (`Host`, `Content-Length`, `User-Agent`, credentials); a field named
  /// here wins over the client's own.
  public var headers: Headers
  /// The body; empty for none.
  public var body: [UInt8]

  /// The request `method url`.
  public init(_ method: String = "GET", _ url: HTTPURL, headers: Headers = [:], body: [UInt8] = []) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

/// What a server answered.
public struct HTTPResponse: Sendable {
  /// The status code.
  public var status: Int
  /// What the status code means in words; the standard's, whatever the server wrote.
  public var reason: String
  /// The header fields, `Date` and `Retry-After` among them, as they came.
  public var headers: Headers
  /// The body, inflated when it came gzipped and that was asked for.
  public var body: [UInt8]
  /// Whether there was more body than the limit.
  public var bodyTruncated: Bool
  /// The numeric address and port of the peer.
  public var remoteAddress: String?
}
