// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A name whose addresses could not be learnt.
public struct NameLookupError: Error, Equatable, Sendable {
  /// The resolver's text, such as `Name or service not known`.
  public var reason: String
}

/// The addresses of `host` in numbers, in the order to try them. Blocks for as long as the name servers take: call it
/// on a thread of its own.
public func lookUpHost(_ host: String) throws(NameLookupError) -> [String] {
  var hints = unsafe addrinfo()
  unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
  unsafe hints.ai_flags = AI_ADDRCONFIG
  var list: UnsafeMutablePointer<addrinfo>?
  let result = unsafe getaddrinfo(host, nil, &hints, &list)
  guard result == 0 else {
    if result == EAI_SYSTEM { throw NameLookupError(reason: errorText(errno)) }
    throw NameLookupError(reason: unsafe String(cString: gai_strerror(result)))
  }
  defer { unsafe freeaddrinfo(list) }
  var addresses: [String] = []
  var next = unsafe list
  while let entry = unsafe next {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let written = unsafe getnameinfo(
      entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
    if written == 0 {
      let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !addresses.contains(address) { addresses.append(address) }
    }
    unsafe next = unsafe entry.pointee.ai_next
  }
  return addresses
}

/// The 4 or 16 bytes of an address in numbers; nil when `text` is not one.
public func ipAddressBytes(_ text: String) -> [UInt8]? {
  var bytes = [UInt8](repeating: 0, count: 16)
  if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
  return unsafe inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
}
