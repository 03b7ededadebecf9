// SPDX-License-Identifier: Apache-2.0

/// How to speak TLS to a server: Alloy's `tls_config` block.
///
/// Files are read again for each new connection's handshake, so that a renewed certificate is used without a reload.
public struct TLSOptions: Hashable, Sendable {
  /// A protocol version.
  public enum Version: String, Hashable, Sendable, CaseIterable {
    /// TLS 1.0.
    case tls10 = "TLS10"
    /// TLS 1.1.
    case tls11 = "TLS11"
    /// TLS 1.2.
    case tls12 = "TLS12"
    /// TLS 1.3.
    case tls13 = "TLS13"
  }

  /// The authorities to trust instead of the system's.
  public var ca: Material?
  /// Our certificate and what links it to its authority.
  public var certificate: Material?
  /// The certificate's private key.
  public var key: Material?
  /// The name to ask for and to expect in the certificate, when it is not the URL's host.
  public var serverName: String
  /// Whether any certificate will do.
  public var insecureSkipVerify: Bool
  /// The least version to accept.
  public var minVersion: Version

  /// Options; by default the system's authorities and TLS 1.2.
  public init(
    ca: Material? = nil, certificate: Material? = nil, key: Material? = nil, serverName: String = "",
    insecureSkipVerify: Bool = false, minVersion: Version = .tls12
  ) {
    self.ca = ca
    self.certificate = certificate
    self.key = key
    self.serverName = serverName
    self.insecureSkipVerify = insecureSkipVerify
    self.minVersion = minVersion
  }
}

/// A certificate, key or secret: the text itself, or the file that holds it.
public enum Material: Hashable, Sendable, CustomStringConvertible {
  /// The text itself.
  case text(String)
  /// The path of a file, read again at each use.
  case file(String)

  /// Where it is, never what it is.
  public var description: String {
    switch self {
    case .text: "(secret)"
    case .file(let path): path
    }
  }
}
