// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization

/// What systemd would hear from the program: a datagram socket, in a directory or abstract (`@name`).
final class NotifySocket: Sendable {
  let address: String
  private let socket: FileDescriptor
  private let heard = Mutex<[String]>([])

  init(_ address: String) throws {
    self.address = address
    socket = FileDescriptor(
      owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { path in
      path.copyBytes(from: address.utf8)
      if address.hasPrefix("@") { path[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
    let result = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.number, $0, length) }
    }
    guard result == 0 else { throw SystemError("bind", address) }
  }

  /// Every message so far, in order.
  var messages: [String] {
    heard.withLock { heard in
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = recv(socket.number, &buffer, buffer.count, 0)
        guard count > 0 else { return heard }
        heard.append(String(decoding: buffer.prefix(count), as: UTF8.self))
      }
    }
  }
}
