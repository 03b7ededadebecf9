// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization

/// A hub without manners: whatever it is sent, it answers with the same bytes and closes; with none, it just closes.
final class RawHub: Sendable {
  let port: Int
  private let listener: Int32
  private let count: ConnectionCount

  /// Connections so far.
  var connections: Int { count.value }

  init(answering answer: String) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw SystemError("bind") }
    let count = ConnectionCount()
    (self.listener, self.count, port) = (listener, count, Int(UInt16(bigEndian: address.sin_port)))
    Task { try await BlockingThread(name: "raw-hub").run { serve(listener, Array(answer.utf8), count) } }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

private final class ConnectionCount: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  func add() { count.withLock { $0 += 1 } }
}

private func serve(_ listener: Int32, _ answer: [UInt8], _ count: ConnectionCount) {
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let peer = accept(listener, nil, nil)
    guard peer >= 0 else { break }
    count.add()
    _ = recv(peer, &buffer, buffer.count, 0)
    if !answer.isEmpty {
      _ = send(peer, answer, answer.count, Int32(MSG_NOSIGNAL))
      shutdown(peer, Int32(SHUT_WR))
      _ = recv(peer, &buffer, buffer.count, 0)
    }
    close(peer)
  }
  close(listener)
}
