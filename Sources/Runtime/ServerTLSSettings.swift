// SPDX-License-Identifier: Apache-2.0

internal import Syntax

/// The `tls` block of the `http` block: how the agent's own HTTP server speaks TLS.
public struct ServerTLSSettings: Equatable, Sendable {
  /// Text in PEM form, or where it is.
  public enum Material: Equatable, Sendable, CustomStringConvertible {
    /// The text itself.
    case text(String)
    /// The path of a file.
    case file(String)

    /// Where it is, never what it is.
    public var description: String {
      switch self {
      case .text: "(secret)"
      case .file(let path): path
      }
    }
  }

  /// The certificate and what links it to its authority.
  public var certificate: Material
  /// Its private key.
  public var key: Material
  /// The authorities whose clients are trusted.
  public var clientCA: Material?
  /// What is asked of clients, in Alloy's words.
  public var clientAuthentication: String
  /// The least version to accept, in Alloy's words.
  public var minVersion: String

  /// What can be asked of clients; Alloy's other two ask for a certificate without verifying it.
  static let clientAuthentications = ["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]

  private static let unverified = ["RequestClientCert", "RequireAnyClientCert"]

  private static let versions = ["TLS10", "TLS11", "TLS12", "TLS13"]

  /// Reads the block; nil (and a diagnostic) when it names no certificate and key.
  init?(_ block: BlockDecoder) {
    let certificate = Self.material("cert", of: block)
    let key = Self.material("key", of: block)
    clientCA = Self.material("client_ca", of: block)
    clientAuthentication = Self.clientAuthentication(block, hasAuthorities: clientCA != nil)
    minVersion = block.optional("min_version", .oneOf([""] + Self.versions), default: "")
    if minVersion.isEmpty { minVersion = "TLS12" }
    Self.refuseTheRest(block)
    if certificate == nil {
      block.error("the tls block needs a certificate", hint: "give cert_file or cert_pem")
    }
    if key == nil {
      block.error("the tls block needs the certificate's key", hint: "give key_file or key_pem")
    }
    guard let certificate, let key else { return nil }
    self.certificate = certificate
    self.key = key
  }

  private static func material(_ name: String, of block: BlockDecoder) -> Material? {
    let text = block.optional("\(name)_pem", .secret).map(\.revealed).flatMap { $0.isEmpty ? nil : $0 }
    let path = block.optional("\(name)_file", .string).flatMap { $0.isEmpty ? nil : $0 }
    if text != nil, path != nil {
      block.error(
        "at most one of \(name)_pem and \(name)_file must be configured", at: "\(name)_file", hint: "use one of the two"
      )
    }
    return text.map { .text($0) } ?? path.map { .file($0) }
  }

  private static func clientAuthentication(_ block: BlockDecoder, hasAuthorities: Bool) -> String {
    let name = "client_auth_type"
    let type = block.optional(name, .oneOf(clientAuthentications + unverified), default: "NoClientCert")
    if unverified.contains(type) {
      block.error(
        "\(type) takes any certificate, which proves nothing; this agent does not have it", at: name,
        hint: "RequireAndVerifyClientCert with client_ca_file")
    } else if type != "NoClientCert", !hasAuthorities {
      block.error(
        "\(type) needs the authorities clients are verified by", at: name, hint: "give client_ca_file or client_ca_pem")
    }
    return type
  }

  /// Nothing that narrows what is accepted may be passed over.
  private static func refuseTheRest(_ block: BlockDecoder) {
    for name in ["cipher_suites", "curve_preferences"]
    where !block.optional(name, .list(of: .string), default: []).isEmpty {
      block.error(
        "\(name) cannot be chosen in this agent", at: name, hint: "leave it out; min_version = \"TLS13\" is strict")
    }
    let newest = block.optional("max_version", .oneOf([""] + versions), default: "")
    if newest != "" && newest != "TLS13" {
      block.error("max_version below TLS13 is not supported by this agent", at: "max_version", hint: "leave it out")
    }
    if let filter = block.block("windows_certificate_filter") {
      filter.error("windows_certificate_filter is not for Linux", hint: "give cert_file and key_file")
      filter.ignoreRest()
    }
  }
}
