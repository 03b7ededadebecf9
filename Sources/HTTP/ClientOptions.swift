// SPDX-License-Identifier: Apache-2.0

/// How a client behaves toward every server it talks to: the arguments Alloy's components share.
public struct ClientOptions: Hashable, Sendable {
  /// How long a connection may take to come about; the TLS handshake gets the same time again.
  public var connectTimeout: Duration
  /// How to speak TLS.
  public var tls: TLSOptions
  /// The proxy to go through.
  public var proxy: ProxyOptions?
  /// Whether redirects of `GET` and `HEAD` are followed, ten at most; credentials and `headers` stay with the first
  /// host.
  public var followRedirects: Bool
  /// What to put into the `Authorization` header.
  public var credentials: Credentials?
  /// Header fields for every request.
  public var headers: [Headers.Field]
  /// The `User-Agent` header.
  public var userAgent: String
  /// How many connections to keep open between requests, to one server.
  public var maxIdleConnectionsPerHost: Int
  /// How many connections to keep open between requests, to all servers together.
  public var maxIdleConnections: Int
  /// How long to keep a connection open between requests.
  public var idleTimeout: Duration

  /// Options; the defaults suit a client of few servers.
  public init(
    connectTimeout: Duration = .seconds(5), tls: TLSOptions = TLSOptions(), proxy: ProxyOptions? = nil,
    followRedirects: Bool = true, credentials: Credentials? = nil, headers: [Headers.Field] = [],
    userAgent: String = "spoke", maxIdleConnectionsPerHost: Int = 4, maxIdleConnections: Int = 1000,
    idleTimeout: Duration = .seconds(300)
  ) {
    self.connectTimeout = connectTimeout
    self.tls = tls
    self.proxy = proxy
    self.followRedirects = followRedirects
    self.credentials = credentials
    self.headers = headers
    self.userAgent = userAgent
    self.maxIdleConnectionsPerHost = maxIdleConnectionsPerHost
    self.maxIdleConnections = maxIdleConnections
    self.idleTimeout = idleTimeout
  }
}
