// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// TLS settings made from options: shared by whoever has the same options, made anew when a file has changed.
///
/// Made at the first connection, not before: the library's own state costs memory that a program without TLS keeps.
final class TLSContexts: Sendable {
  private struct Entry: Sendable {
    weak var context: NIOSSLContext?
    var checksums: [UInt32]
  }

  private let entries = Mutex<[TLSOptions: Entry]>([:])

  /// The context for `options` with their files as they are now. Keep it: it lives as long as someone does.
  func context(for options: TLSOptions) throws(HTTPError) -> NIOSSLContext {
    let materials = try TLSMaterials(options)
    if let known = entries.withLock({ $0[options] }), known.checksums == materials.checksums,
      let context = known.context
    {
      return context
    }
    let context = try makeClientContext(options, materials)
    entries.withLock { entries in
      entries = entries.filter { $0.value.context != nil }
      entries[options] = Entry(context: context, checksums: materials.checksums)
    }
    return context
  }
}

/// The bytes behind the certificates and keys of some options.
private struct TLSMaterials {
  var ca: [UInt8]?
  var certificate: [UInt8]?
  var key: [UInt8]?

  init(_ options: TLSOptions) throws(HTTPError) {
    ca = try options.ca?.bytes()
    certificate = try options.certificate?.bytes()
    key = try options.key?.bytes()
  }

  var checksums: [UInt32] {
    [ca, certificate, key].flatMap { bytes in
      guard let bytes else { return [0, 0] as [UInt32] }
      return [UInt32(truncatingIfNeeded: bytes.count), crc32c(bytes.span)]
    }
  }
}

private func makeClientContext(_ options: TLSOptions, _ materials: TLSMaterials) throws(HTTPError) -> NIOSSLContext {
  var configuration = TLSConfiguration.makeClientConfiguration()
  configuration.minimumTLSVersion = options.minVersion.libraryVersion
  configuration.shutdownTimeout = .seconds(1)
  if options.insecureSkipVerify { configuration.certificateVerification = .none }
  if let ca = materials.ca {
    configuration.trustRoots = .certificates(try certificates(in: ca, from: options.ca))
  } else if !options.insecureSkipVerify {
    configuration.trustRoots = systemTrust()
  }
  guard (materials.certificate == nil) == (materials.key == nil) else {
    throw .invalid("TLS: a certificate needs its key, and a key its certificate")
  }
  if let certificate = materials.certificate, let key = materials.key {
    configuration.certificateChain = try certificates(in: certificate, from: options.certificate)
      .map { .certificate($0) }
    configuration.privateKey = .privateKey(try privateKey(in: key, from: options.key))
  }
  return try makeContext(configuration)
}

/// The settings of a server.
func makeServerContext(_ options: ServerTLSOptions) throws(HTTPError) -> NIOSSLContext {
  var configuration = TLSConfiguration.makeServerConfiguration(
    certificateChain: try certificates(in: try options.certificate.bytes(), from: options.certificate)
      .map { .certificate($0) },
    privateKey: .privateKey(try privateKey(in: try options.key.bytes(), from: options.key)))
  configuration.minimumTLSVersion = options.minVersion.libraryVersion
  configuration.shutdownTimeout = .seconds(1)
  switch options.clientAuthentication {
  case .none: break
  case .verifyIfGiven: configuration.certificateVerification = .optionalVerification
  case .requireAndVerify: configuration.certificateVerification = .noHostnameVerification
  }
  if options.clientAuthentication != .none {
    guard let ca = options.clientCA else { throw .invalid("TLS: client_ca is needed to verify clients") }
    configuration.trustRoots = .certificates(try certificates(in: try ca.bytes(), from: ca))
  }
  return try makeContext(configuration)
}

private func makeContext(_ configuration: TLSConfiguration) throws(HTTPError) -> NIOSSLContext {
  do { return try NIOSSLContext(configuration: configuration) } catch {
    throw .invalid("TLS: certificate and key cannot be used together (\(error))")
  }
}

private func certificates(in pem: [UInt8], from material: Material?) throws(HTTPError) -> [NIOSSLCertificate] {
  let found = (try? NIOSSLCertificate.fromPEMBytes(pem)) ?? []
  guard !found.isEmpty else { throw .invalid("TLS: no certificate in PEM form in \(material.origin)") }
  return found
}

private func privateKey(in pem: [UInt8], from material: Material?) throws(HTTPError) -> NIOSSLPrivateKey {
  do { return try NIOSSLPrivateKey(bytes: pem, format: .pem) } catch {
    throw .invalid("TLS: no private key in PEM form in \(material.origin)")
  }
}

/// Where the system keeps the authorities it trusts.
///
/// A directory of hashed names is preferred to the bundle: certificates are then read one by one as they are needed,
/// where a bundle of 140 stays in memory whole.
private func systemTrust() -> NIOSSLTrustRoots {
  if let file = environmentVariable("SSL_CERT_FILE"), !file.isEmpty { return .file(file) }
  if let directory = environmentVariable("SSL_CERT_DIR"), !directory.isEmpty { return .file(directory) }
  let directory = "/etc/ssl/certs"
  let hashed = ((try? listDirectory(directory)) ?? []).contains { $0.utf8.count == 10 && $0.hasSuffix(".0") }
  return hashed ? .file(directory) : .default
}

extension Material? {
  fileprivate var origin: String {
    if case .file(let path)? = self { path } else { "the text given" }
  }
}

extension TLSOptions.Version {
  fileprivate var libraryVersion: TLSVersion {
    switch self {
    case .tls10: .tlsv1
    case .tls11: .tlsv11
    case .tls12: .tlsv12
    case .tls13: .tlsv13
    }
  }
}
