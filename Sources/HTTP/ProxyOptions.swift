// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Which proxy to go through, and which hosts to reach without it. Only `http://` proxies: `http` targets are asked for
/// by their whole URL, `https` targets through a `CONNECT` tunnel.
public struct ProxyOptions: Hashable, Sendable {
  /// Where the proxy's address comes from.
  public enum Source: Hashable, Sendable {
    /// This URL; a user name and password in it are given to the proxy.
    case url(HTTPURL)
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or small letters, read when the client is made.
    case environment
  }

  /// Where the proxy's address comes from.
  public var source: Source
  /// Hosts to reach directly, with commas between: names (and all below them), `.suffixes`, addresses, `CIDR/BITS`,
  /// each with a `:port` if need be, or `*`.
  public var noProxy: String
  /// Header fields for `CONNECT`.
  public var connectHeaders: [Headers.Field]

  /// A proxy and its exceptions.
  public init(_ source: Source, noProxy: String = "", connectHeaders: [Headers.Field] = []) {
    self.source = source
    self.noProxy = noProxy
    self.connectHeaders = connectHeaders
  }
}

/// The proxies of a client, settled once: which one, if any, leads to a URL.
struct ProxyChoice: Sendable {
  private var http: HTTPURL?
  private var https: HTTPURL?
  private var exceptions: NoProxy?
  var connectHeaders: [Headers.Field]

  init(_ options: ProxyOptions, environment: (String) -> String? = environmentVariable) throws(HTTPError) {
    connectHeaders = options.connectHeaders
    switch options.source {
    case .url(let url):
      http = url
      https = url
      // As Prometheus has it: with an explicit proxy and no exceptions, everything goes through, loopback too.
      exceptions = options.noProxy.isEmpty ? nil : NoProxy(options.noProxy)
    case .environment:
      func value(_ name: String) -> String? {
        [name, name.lowercased()].lazy.compactMap(environment).first { !$0.isEmpty }
      }
      func proxy(_ name: String) throws(HTTPError) -> HTTPURL? {
        guard let text = value(name) else { return nil }
        do throws(URLError) {
          return try HTTPURL(parsing: text.utf8.contains(UInt8(ascii: "/")) ? text : "http://\(text)")
        } catch { throw .invalid("environment variable \(name): \(error)") }
      }
      http = try proxy("HTTP_PROXY")
      https = try proxy("HTTPS_PROXY")
      exceptions = NoProxy(value("NO_PROXY") ?? "")
    }
    if let proxy = [http, https].lazy.compactMap({ $0 }).first(where: { $0.scheme != .http }) {
      throw .invalid("proxy \(proxy): only http:// proxies are supported")
    }
  }

  func proxy(for url: HTTPURL) -> HTTPURL? {
    if let exceptions, exceptions.matches(host: url.host, port: url.port) { return nil }
    return url.scheme == .http ? http : https
  }
}

/// The hosts to be reached without a proxy. Loopback always is.
struct NoProxy: Sendable {
  private enum Rule: Sendable {
    case everything
    case name(String, andItself: Bool, port: String)
    case address([UInt8], bits: Int, port: String)
  }

  private var rules: [Rule]

  init(_ text: String) {
    rules = text.split(separator: ",").compactMap { entry in
      let entry = String(entry.filter { $0 != " " && $0 != "\t" }).lowercased()
      if entry.isEmpty { return nil }
      if entry == "*" { return .everything }
      if let (address, length) = split(entry, at: "/") {
        guard let bytes = ipAddressBytes(address), let bits = Int(length), (0...bytes.count * 8).contains(bits) else {
          return nil
        }
        return .address(bytes, bits: bits, port: "")
      }
      if let bytes = ipAddressBytes(entry) { return .address(bytes, bits: bytes.count * 8, port: "") }
      guard let (host, port) = splitHost(entry.hasPrefix("*.") ? String(entry.dropFirst()) : entry) else { return nil }
      if let bytes = ipAddressBytes(host) { return .address(bytes, bits: bytes.count * 8, port: port) }
      return host.hasPrefix(".")
        ? .name(host, andItself: false, port: port) : .name("." + host, andItself: true, port: port)
    }
  }

  func matches(host: String, port: Int) -> Bool {
    let address = ipAddressBytes(host)
    if host == "localhost" || address.map(isLoopback) == true { return true }
    return rules.contains { rule in
      switch rule {
      case .everything: true
      case .name(let suffix, let andItself, let rulePort):
        (host.hasSuffix(suffix) || (andItself && host == suffix.dropFirst()))
          && (rulePort.isEmpty || rulePort == String(port))
      case .address(let network, let bits, let rulePort):
        address.map { sameNetwork($0, network, bits: bits) } == true && (rulePort.isEmpty || rulePort == String(port))
      }
    }
  }
}

private func isLoopback(_ address: [UInt8]) -> Bool {
  address.count == 4 ? address[0] == 127 : address == [UInt8](repeating: 0, count: 15) + [1]
}

private func sameNetwork(_ left: [UInt8], _ right: [UInt8], bits: Int) -> Bool {
  guard left.count == right.count else { return false }
  return left.indices.allSatisfy { index in
    let kept = min(max(bits - index * 8, 0), 8)
    let mask = UInt8(truncatingIfNeeded: 0xff00 >> kept)
    return left[index] & mask == right[index] & mask
  }
}
