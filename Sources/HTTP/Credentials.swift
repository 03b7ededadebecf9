// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What to put into the `Authorization` header. Files are read for each request, so that a renewed secret is used
/// without a reload.
public enum Credentials: Hashable, Sendable, CustomStringConvertible {
  /// `Basic`, from a user name and its password.
  case basic(username: String, password: Material)
  /// `Bearer TOKEN`.
  case bearer(Material)
  /// `TYPE CREDENTIALS`.
  case authorization(type: String, Material)

  /// The kind, without any secret.
  public var description: String {
    switch self {
    case .basic(let username, let password): "basic \(username):\(password)"
    case .bearer(let token): "bearer \(token)"
    case .authorization(let type, let credentials): "\(type) \(credentials)"
    }
  }

  /// The value of the header.
  func headerValue() throws(HTTPError) -> String {
    switch self {
    case .basic(let username, let password): basicCredentials(username, try password.secret())
    case .bearer(let token): "Bearer \(try token.secret())"
    case .authorization(let type, let credentials): "\(type) \(try credentials.secret())"
    }
  }
}

/// `Basic …` for a user name and password.
func basicCredentials(_ username: String, _ password: String) -> String {
  "Basic " + base64(Array("\(username):\(password)".utf8))
}

extension Material {
  /// The bytes: what PEM readers want.
  func bytes() throws(HTTPError) -> [UInt8] {
    switch self {
    case .text(let text): return Array(text.utf8)
    case .file(let path):
      do throws(SystemError) { return try readFile(path) } catch { throw .file(error) }
    }
  }

  /// The text, without the blanks and line ends that editors leave around it in a file.
  func secret() throws(HTTPError) -> String {
    let bytes = try bytes()
    guard case .file = self else { return String(decoding: bytes, as: UTF8.self) }
    let isBlank = { (byte: UInt8) in byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }
    let start = bytes.firstIndex { !isBlank($0) } ?? bytes.endIndex
    let end = bytes.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? bytes.endIndex
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }
}

/// RFC 4648 base64, padded.
func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var result: [UInt8] = []
  result.reserveCapacity((bytes.count + 2) / 3 * 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for index in 0..<4 {
      result.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
    }
  }
  return String(decoding: result, as: UTF8.self)
}
