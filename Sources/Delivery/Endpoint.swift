// SPDX-License-Identifier: Apache-2.0

public import HTTP

/// Where requests go and what every one of them says of itself.
public struct Endpoint: Sendable {
  /// The whole address, such as `http://hub:9090/api/v1/write`.
  public var url: HTTPURL
  /// The protocol spoken there.
  public var dialect: RetryPolicy.Dialect
  /// The agent's version, for `User-Agent`.
  public var version: String
  /// Header fields the user wants sent; those the protocol needs are not theirs to change, and are left out.
  public var headers: [Headers.Field]
  /// Whose the data is, for `X-Scope-OrgID`; empty for a hub without tenants.
  public var tenant: String
  /// How long one request may take.
  public var timeout: Duration

  /// An endpoint.
  public init(
    url: HTTPURL, dialect: RetryPolicy.Dialect = .remoteWrite, version: String, headers: [Headers.Field] = [],
    tenant: String = "", timeout: Duration = .seconds(30)
  ) {
    self.url = url
    self.dialect = dialect
    self.version = version
    self.headers = headers.filter { !Self.isReserved($0.name) }
    self.tenant = tenant
    self.timeout = timeout
  }

  /// Whether `name` is a header field of the protocol, which users cannot set; for a diagnostic.
  public static func isReserved(_ name: String) -> Bool { reserved.contains(name.lowercased()) }

  private static let reserved: Set<String> = [
    "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type", "host",
    "keep-alive", "proxy-authorization", "retry-attempt", "te", "trailer", "transfer-encoding", "upgrade",
    "user-agent", "x-prometheus-remote-write-version",
  ]

  /// The request that carries `body`, compressed; `attempt` is 0 the first time. `tenant` is whose it is if not the
  /// endpoint's own.
  func request(_ body: [UInt8], attempt: Int = 0, tenant: String = "") -> HTTPRequest {
    var headers = Headers([
      Headers.Field(name: "Content-Type", value: "application/x-protobuf"),
      Headers.Field(name: "Content-Encoding", value: "snappy"),
      Headers.Field(name: "User-Agent", value: "spoke/\(version)"),
    ])
    if dialect == .remoteWrite { headers.add("X-Prometheus-Remote-Write-Version", "0.1.0") }
    if attempt > 0 { headers.add("Retry-Attempt", "\(attempt)") }
    headers.fields += self.headers
    let tenant = tenant.isEmpty ? self.tenant : tenant
    if !tenant.isEmpty { headers["X-Scope-OrgID"] = tenant }
    return HTTPRequest("POST", url, headers: headers, body: body)
  }
}
