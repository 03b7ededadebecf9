// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import Telemetry

/// Appends `node_network_address_info` for every address of the devices that are wanted.
func appendAddresses(wanted filter: NameFilter, to batch: inout SeriesBatch) throws {
  var first: UnsafeMutablePointer<ifaddrs>?
  guard unsafe getifaddrs(&first) == 0 else { throw SystemError("getifaddrs") }
  defer { unsafe freeifaddrs(first) }
  batch.family("node_network_address_info", .gauge, help: "Always 1; an address of a network device.")
  var next = unsafe first
  while let entry = unsafe next {
    unsafe next = entry.pointee.ifa_next
    guard let address = unsafe entry.pointee.ifa_addr, let bytes = unsafe addressBytes(address) else { continue }
    // Old-style names of further addresses, `eth0:1`, belong to device `eth0`; a device's own name has no colon.
    let device = unsafe String(String(cString: entry.pointee.ifa_name).prefix { $0 != ":" })
    guard filter.wants(Array(device.utf8).span), let text = presentation(bytes) else { continue }
    let mask = unsafe entry.pointee.ifa_netmask.flatMap { unsafe addressBytes($0) } ?? []
    batch.label("address", text)
    batch.label("device", device)
    batch.label("netmask", "\(mask.reduce(0) { $0 + $1.nonzeroBitCount })")
    batch.label("scope", scope(of: bytes))
    batch.append(1)
  }
}

/// The 4 or 16 bytes of an internet address; nil for other kinds.
private func addressBytes(_ address: UnsafeMutablePointer<sockaddr>) -> [UInt8]? {
  switch Int32(unsafe address.pointee.sa_family) {
  case AF_INET:
    return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
      unsafe withUnsafeBytes(of: $0.pointee.sin_addr) { unsafe Array($0) }
    }
  case AF_INET6:
    return unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
      unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) { unsafe Array($0) }
    }
  default: return nil
  }
}

private func presentation(_ address: [UInt8]) -> String? {
  var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
  let family = address.count == 4 ? AF_INET : AF_INET6
  guard unsafe inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return nil }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// How far an address reaches, in node_exporter's words, which count loopback as link-local; "" for what is neither.
func scope(of address: [UInt8]) -> String {
  guard address.contains(where: { $0 != 0 }) else { return "" }
  if address.count == 4 {
    if address[0] == 127 { return "link-local" }
    if address[0] == 169, address[1] == 254 { return "link-local" }
    if address[0] == 224, address[1] == 0, address[2] == 0 { return "link-local" }
    return address[0] >= 224 && address[0] < 240 || address.allSatisfy { $0 == 255 } ? "" : "global"
  }
  if address.dropLast().allSatisfy({ $0 == 0 }), address[15] == 1 { return "link-local" }
  if address[0] == 0xfe, address[1] & 0xc0 == 0x80 { return "link-local" }
  guard address[0] == 0xff else { return "global" }
  switch address[1] & 0x0f {
  case 1: return "interface-local"
  case 2: return "link-local"
  default: return ""
  }
}
