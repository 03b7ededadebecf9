// SPDX-License-Identifier: Apache-2.0

/// What a server puts up with.
public struct ServerLimits: Hashable, Sendable {
  /// Bytes of request line and header fields.
  public var headerBytes: Int
  /// Bytes of a request's body.
  public var bodyBytes: Int
  /// Connections at a time; more are closed as they come.
  public var connections: Int
  /// How long a connection may stay open between requests.
  public var idleTimeout: Duration
  /// How long a request may take to arrive, from its first byte (or the connection's beginning) to its last.
  public var requestTimeout: Duration
  /// How long `stop` waits for requests in flight.
  public var stopTimeout: Duration

  /// Limits; the defaults suit a status page.
  public init(
    headerBytes: Int = 32 << 10, bodyBytes: Int = 1 << 20, connections: Int = 128, idleTimeout: Duration = .seconds(60),
    requestTimeout: Duration = .seconds(10), stopTimeout: Duration = .seconds(5)
  ) {
    self.headerBytes = headerBytes
    self.bodyBytes = bodyBytes
    self.connections = connections
    self.idleTimeout = idleTimeout
    self.requestTimeout = requestTimeout
    self.stopTimeout = stopTimeout
  }
}

/// How a server speaks TLS: the `tls` block of Alloy's `http` block.
public struct ServerTLSOptions: Hashable, Sendable {
  /// What is asked of clients.
  public enum ClientAuthentication: String, Hashable, Sendable, CaseIterable {
    /// No certificate is asked for.
    case none = "NoClientCert"
    /// A certificate, if given, must come from `clientCA`.
    case verifyIfGiven = "VerifyClientCertIfGiven"
    /// A certificate from `clientCA` is required.
    case requireAndVerify = "RequireAndVerifyClientCert"
  }

  /// The server's certificate and what links it to its authority.
  public var certificate: Material
  /// The certificate's private key.
  public var key: Material
  /// The authorities whose clients to trust.
  public var clientCA: Material?
  /// What is asked of clients.
  public var clientAuthentication: ClientAuthentication
  /// The least version to accept.
  public var minVersion: TLSOptions.Version

  /// A certificate and its key.
  public init(
    certificate: Material, key: Material, clientCA: Material? = nil,
    clientAuthentication: ClientAuthentication = .none, minVersion: TLSOptions.Version = .tls12
  ) {
    self.certificate = certificate
    self.key = key
    self.clientCA = clientCA
    self.clientAuthentication = clientAuthentication
    self.minVersion = minVersion
  }
}

/// A server that could not begin to listen.
public struct ListenError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Host and port.
  public var address: String
  /// What stood in the way.
  public var reason: String
  /// What to do about it; may be empty.
  public var hint: String

  /// One line for the operator.
  public var description: String { "listen \(address): \(reason)" + (hint.isEmpty ? "" : "; \(hint)") }
}
