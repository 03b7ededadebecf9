// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Syntax

extension ClientOptions {
  /// Reads the HTTP client arguments that several components share from the block they stand in.
  ///
  /// HTTP/2 is never used: `enable_http2` permits it and asks for nothing.
  static func decode(_ block: BlockDecoder, userAgent: String, http2ByDefault: Bool = true) -> ClientOptions {
    var options = ClientOptions(userAgent: userAgent)
    options.credentials = decodeCredentials(block)
    if let tls = block.block("tls_config") { options.tls = decodeTLS(tls) }
    options.proxy = decodeProxy(block)
    options.followRedirects = block.optional("follow_redirects", .bool, default: true)
    _ = block.optional("enable_http2", .bool, default: http2ByDefault)
    for (name, values) in block.optional("http_headers", .map(of: .list(of: .secret)), default: [:]).sorted(by: {
      $0.key < $1.key
    }) {
      options.headers += values.map { Headers.Field(name: name, value: $0.revealed) }
    }
    return options
  }

  // MARK: Credentials

  private static func decodeCredentials(_ block: BlockDecoder) -> Credentials? {
    var found: [(name: String, credentials: Credentials)] = []
    if let basic = block.block("basic_auth") { found.append(("basic_auth", decodeBasic(basic))) }
    if let authorization = block.block("authorization") {
      found.append(("authorization", decodeAuthorization(authorization)))
    }
    if let token = block.optional("bearer_token", .secret), !token.revealed.isEmpty {
      found.append(("bearer_token", .bearer(.text(token.revealed))))
    }
    if let path = block.optional("bearer_token_file", .string), !path.isEmpty {
      found.append(("bearer_token_file", .bearer(.file(path))))
    }
    refuse("oauth2", in: block, hint: "use basic_auth, authorization or bearer_token_file")
    if found.count > 1 {
      block.error(
        "at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured",
        hint: "remove all but one of \(found.map(\.name).joined(separator: ", "))")
    }
    return found.first?.credentials
  }

  /// Reports a block of Alloy's that this agent does not have.
  static func refuse(_ name: String, in block: BlockDecoder, hint: String) {
    guard let refused = block.block(name) else { return }
    refused.error("\(name) is not supported by this agent", hint: hint)
    refused.ignoreRest()
  }

  private static func decodeBasic(_ block: BlockDecoder) -> Credentials {
    let username = block.optional("username", .string, default: "")
    return .basic(
      username: username,
      password: material(block, text: "password", file: "password_file") ?? .text(""))
  }

  private static func decodeAuthorization(_ block: BlockDecoder) -> Credentials {
    let type = block.optional("type", .string, default: "Bearer")
    if type.lowercased() == "basic" {
      block.error("authorization type cannot be set to \"basic\"", at: "type", hint: "use the basic_auth block")
    }
    let credentials = material(block, text: "credentials", file: "credentials_file") ?? .text("")
    return .authorization(type: type, credentials)
  }

  // MARK: TLS

  private static func decodeTLS(_ block: BlockDecoder) -> TLSOptions {
    var tls = TLSOptions()
    tls.ca = material(block, text: "ca_pem", file: "ca_file")
    tls.certificate = material(block, text: "cert_pem", file: "cert_file")
    tls.key = material(block, text: "key_pem", file: "key_file")
    tls.serverName = block.optional("server_name", .string, default: "")
    tls.insecureSkipVerify = block.optional("insecure_skip_verify", .bool, default: false)
    let version = block.optional("min_version", .oneOf([""] + TLSOptions.Version.allCases.map(\.rawValue)), default: "")
    if let known = TLSOptions.Version(rawValue: version) { tls.minVersion = known }
    if (tls.certificate == nil) != (tls.key == nil) {
      block.error(
        tls.key == nil
          ? "exactly one of key or key_file must be configured when a client certificate is configured"
          : "exactly one of cert or cert_file must be configured when a client key is configured",
        hint: "give both the certificate and its key")
    }
    return tls
  }

  private static func material(_ block: BlockDecoder, text: String, file: String) -> Material? {
    let inline = block.optional(text, .secret).flatMap { $0.revealed.isEmpty ? nil : $0.revealed }
    let path = block.optional(file, .string).flatMap { $0.isEmpty ? nil : $0 }
    if inline != nil, path != nil {
      block.error("at most one of \(text) and \(file) must be configured", at: file, hint: "use one of the two")
    }
    return inline.map { .text($0) } ?? path.map { .file($0) }
  }

  // MARK: Proxy

  private static func decodeProxy(_ block: BlockDecoder) -> ProxyOptions? {
    let url = block.optional("proxy_url", .httpURL) ?? nil
    let fromEnvironment = block.optional("proxy_from_environment", .bool, default: false)
    let noProxy = block.optional("no_proxy", .string, default: "")
    let headers = block.optional("proxy_connect_header", .map(of: .list(of: .secret)), default: [:])
    if fromEnvironment, url != nil || !noProxy.isEmpty {
      block.error(
        "if proxy_from_environment is configured, proxy_url and no_proxy must not be configured",
        at: "proxy_from_environment")
    }
    if !noProxy.isEmpty, url == nil, !fromEnvironment {
      block.error("if no_proxy is configured, proxy_url must also be configured", at: "no_proxy")
    }
    if !headers.isEmpty, url == nil, !fromEnvironment {
      block.error(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        at: "proxy_connect_header")
    }
    guard fromEnvironment || url != nil else { return nil }
    let fields = headers.sorted { $0.key < $1.key }
      .flatMap { name, values in values.map { Headers.Field(name: name, value: $0.revealed) } }
    return ProxyOptions(
      url.map { .url($0) } ?? .environment, noProxy: noProxy, connectHeaders: fields)
  }
}

extension ValueType where T == HTTPURL? {
  /// An absolute http or https URL.
  static var httpURL: ValueType<HTTPURL?> {
    ValueType<String>.string.then(empty: nil) { text throws(ConversionError) in
      guard !text.isEmpty else { return nil }
      do throws(URLError) { return try HTTPURL(parsing: text) } catch {
        throw ConversionError("\(error)")
      }
    }
  }
}
