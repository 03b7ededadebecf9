// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux

/// The network all tests of this target share; a thread is not worth having for each.
let loopbackNetwork = Network()

private let loopbackClient: HTTPClient = {
  do { return try HTTPClient(on: loopbackNetwork) } catch { preconditionFailure("BUG: \(error)") }
}()

/// Gets a page of a server on this host.
func loopbackGet(port: Int, _ path: String, query: [(name: String, value: String)] = []) async throws -> HTTPResponse {
  let url = HTTPURL(.http, host: "127.0.0.1", port: port, path: path).appendingQuery(query)
  return try await loopbackClient.send(HTTPRequest("GET", url), timeout: .seconds(120), bodyLimit: 64 << 20)
}

/// A port on which nobody listens, and which the kernel gives nobody by itself: whoever listened there can come back to
/// it.
func freeFixedPort() -> Int {
  while true {
    let port = Int.random(in: 20_000..<30_000)  // the kernel's own begin at 32768
    if isFree(port) { return port }
  }
}

private func isFree(_ port: Int) -> Bool {
  // A process that another test starts just now must not inherit it, and hold the port.
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
  let socket = FileDescriptor(owning: socket(AF_INET, kind, 0))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafeBytes(of: &address) { bytes in
    bytes.withMemoryRebound(to: sockaddr.self) { bind(socket.number, $0.baseAddress, socklen_t(bytes.count)) == 0 }
  }
}
