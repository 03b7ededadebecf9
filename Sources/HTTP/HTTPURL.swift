// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// An `http` or `https` URL, taken apart: `https://user:pass@[::1]:9090/api/v1/write?x=1`.
public struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  /// The protocol.
  public enum Scheme: String, Hashable, Sendable {
    /// In the clear.
    case http
    /// Over TLS.
    case https

    /// The port meant when none is written.
    public var defaultPort: Int { self == .http ? 80 : 443 }
  }

  /// The name and password in front of the host.
  public struct UserInfo: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public var username: String
    /// The password; empty when there is none.
    public var password: String

    /// A name and its password.
    public init(username: String, password: String = "") {
      self.username = username
      self.password = password
    }

    /// The name, without the password.
    public var description: String { password.isEmpty ? username : "\(username):(secret)" }
  }

  /// The protocol.
  public var scheme: Scheme
  /// The host in lower case; an IPv6 address without its brackets.
  public var host: String
  /// The port, also when it was not written.
  public var port: Int
  /// The path, beginning with `/`, and the query if there is one; safe to put on a request line.
  public var path: String
  /// The name and password in front of the host.
  public var userInfo: UserInfo?

  /// The URL of these parts; the port is the scheme's when not given.
  public init(_ scheme: Scheme, host: String, port: Int? = nil, path: String = "/") {
    self.scheme = scheme
    self.host = host
    self.port = port ?? scheme.defaultPort
    self.path = encodedTarget(path)
  }

  /// Parses an absolute URL. A fragment is dropped; what may not stand on a request line is percent-encoded.
  public init(parsing text: String) throws(URLError) {
    func refuse(_ reason: String) -> URLError { URLError(text: text, reason: reason) }
    guard let (schemeText, rest) = split(text, at: "://") else {
      throw refuse("no scheme; write http://HOST:PORT/PATH or https://…")
    }
    guard let scheme = Scheme(rawValue: schemeText.lowercased()) else {
      throw refuse("scheme \"\(schemeText)\" is neither http nor https")
    }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    var authority = rest[..<end]
    if let at = authority.lastIndex(of: "@") {
      let (name, password) = split(String(authority[..<at]), at: ":") ?? (String(authority[..<at]), "")
      guard let name = percentDecoded(name), let password = percentDecoded(password) else {
        throw refuse("bad percent-encoding in the user name or password")
      }
      userInfo = UserInfo(username: name, password: password)
      authority = authority[authority.index(after: at)...]
    }
    guard let (host, portText) = splitHost(authority) else { throw refuse("bad host \"\(authority)\"") }
    guard let port = portText.isEmpty ? scheme.defaultPort : decimalPort(portText) else {
      throw refuse("bad port \"\(portText)\"")
    }
    self.scheme = scheme
    self.host = host.lowercased()
    self.port = port
    let target = rest[end...].prefix { $0 != "#" }
    path = encodedTarget(target.first == "/" ? String(target) : "/" + target)
  }

  /// Host and port, as messages and `CONNECT` name them: `[::1]:9090`.
  public var address: String { "\(bracketedHost):\(port)" }

  /// Host, and port when it is not the scheme's: what the `Host` header holds.
  public var authority: String { port == scheme.defaultPort ? bracketedHost : address }

  /// The URL without user name and password.
  public var withoutUserInfo: String { "\(scheme.rawValue)://\(authority)\(path)" }

  /// The URL, with the password replaced by `(secret)`.
  public var description: String {
    guard let userInfo else { return withoutUserInfo }
    return "\(scheme.rawValue)://\(userInfo)@\(authority)\(path)"
  }

  /// The URL with `items` added to its query, encoded.
  public func appendingQuery(_ items: [(name: String, value: String)]) -> HTTPURL {
    var result = self
    for (name, value) in items {
      let separator = result.path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
      result.path += separator + percentEncoded(name) + "=" + percentEncoded(value)
    }
    return result
  }

  private var bracketedHost: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

  /// What `location`, absolute or relative, means in a response to this URL; nil when it cannot be followed.
  func resolving(location: String) -> HTTPURL? {
    if location.hasPrefix("//") { return try? HTTPURL(parsing: "\(scheme.rawValue):\(location)") }
    if let (scheme, _) = split(location, at: "://"), !scheme.contains(where: { "/?#".contains($0) }) {
      return try? HTTPURL(parsing: location)
    }
    var result = self
    let target = location.prefix { $0 != "#" }
    let path = self.path.prefix { $0 != "?" }
    switch target.first {
    case "/": result.path = encodedTarget(String(target))
    case "?": result.path = encodedTarget(String(path) + target)
    case nil: break
    default: result.path = encodedTarget(path[...(path.lastIndex(of: "/") ?? path.startIndex)].description + target)
    }
    return result
  }
}

/// A text that is not the URL of something we can talk to.
public struct URLError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text, with a password in it replaced.
  public var text: String
  /// What is wrong with it.
  public var reason: String

  init(text: String, reason: String) {
    self.text = text.utf8.contains(UInt8(ascii: "@")) ? "(an address with a user name)" : text
    self.reason = reason
  }

  /// One line for the operator.
  public var description: String { "URL \"\(text)\": \(reason)" }
}

/// `text` before and after the first `separator`.
func split(_ text: String, at separator: String) -> (String, String)? {
  let bytes = Array(text.utf8)
  let wanted = Array(separator.utf8)
  guard bytes.count >= wanted.count else { return nil }
  for start in 0...(bytes.count - wanted.count) where bytes[start...].starts(with: wanted) {
    let after = bytes[(start + wanted.count)...]
    return (String(decoding: bytes[..<start], as: UTF8.self), String(decoding: after, as: UTF8.self))
  }
  return nil
}

/// Host and port text of `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
func splitHost(_ authority: some StringProtocol) -> (host: String, port: String)? {
  if authority.first == "[" {
    guard let close = authority.firstIndex(of: "]") else { return nil }
    let host = String(authority[authority.index(after: authority.startIndex)..<close])
    let rest = authority[authority.index(after: close)...]
    guard ipAddressBytes(host)?.count == 16, rest.isEmpty || rest.first == ":" else { return nil }
    return (host, String(rest.dropFirst()))
  }
  let (host, port) = split(String(authority), at: ":") ?? (String(authority), "")
  let allowed = host.utf8.allSatisfy { byte in
    isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }
  return host.isEmpty || host.utf8.count > 255 || !allowed ? nil : (host, port)
}

func decimalPort(_ text: String) -> Int? {
  guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = Int(text), (1...65535).contains(port) else {
    return nil
  }
  return port
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
  (byte >= 0x30 && byte <= 0x39) || (lowercased(byte) >= 0x61 && lowercased(byte) <= 0x7a)
}

/// `text` with everything but unreserved characters as `%XX`, for names and values in a query.
public func percentEncoded(_ text: String) -> String {
  encoded(text) { isAlphanumeric($0) || [0x2d, 0x2e, 0x5f, 0x7e].contains($0) }
}

/// `%XX` decoded; nil when a `%` is not followed by two hexadecimal digits or the result is not UTF-8.
public func percentDecoded(_ text: String) -> String? {
  guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
  var result: [UInt8] = []
  var bytes = text.utf8.makeIterator()
  while let byte = bytes.next() {
    guard byte == UInt8(ascii: "%") else {
      result.append(byte)
      continue
    }
    guard let high = bytes.next().flatMap(hexDigit), let low = bytes.next().flatMap(hexDigit) else { return nil }
    result.append(high << 4 | low)
  }
  return String(validating: result, as: UTF8.self)
}

/// A path and query with what may not stand on a request line as `%XX`; what is encoded already stays.
private func encodedTarget(_ text: String) -> String {
  encoded(text) { $0 > 0x20 && $0 < 0x7f && ![0x22, 0x3c, 0x3e, 0x5c, 0x5e, 0x60, 0x7b, 0x7c, 0x7d].contains($0) }
}

private func encoded(_ text: String, keeping: (UInt8) -> Bool) -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  var result: [UInt8] = []
  result.reserveCapacity(text.utf8.count)
  for byte in text.utf8 {
    if keeping(byte) {
      result.append(byte)
    } else {
      result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  return String(decoding: result, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}
