// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization

/// A server that gives each connection the same bytes and closes it.
final class ScriptedServer: Sendable {
  let port: Int
  private let listener: Int32
  private let script = Mutex<[UInt8]>([])

  /// What it answers.
  var answer: [UInt8] {
    get { script.withLock { $0 } }
    set { script.withLock { $0 = newValue } }
  }

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw SystemError("bind") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Task { [weak self] in
      let answer: @Sendable () -> [UInt8] = { [weak self] in self?.answer ?? [] }
      try await BlockingThread(name: "fuzz-server").run { serve(listener, answer) }
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

private func serve(_ listener: Int32, _ answer: () -> [UInt8]) {
  while case let connection = accept(listener, nil, nil), connection >= 0 {
    limitPatience(of: connection)
    var buffer = [UInt8](repeating: 0, count: 4096)
    _ = recv(connection, &buffer, buffer.count, 0)
    sendAll(answer(), to: connection)
    finish(connection)
  }
  close(listener)
}

/// Sends `bytes` to a server on this host, says that there is no more, and waits for its last word. False when that has
/// not come after ten seconds.
func exchange(_ bytes: [UInt8], withPort port: Int) -> Bool {
  let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  defer { close(connection) }
  var address = loopback(port)
  let isConnected = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
  guard isConnected else { return false }
  limitPatience(of: connection)
  sendAll(bytes, to: connection)
  shutdown(connection, Int32(SHUT_WR))
  return readToEnd(connection)
}

private func loopback(_ port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

private func limitPatience(of connection: Int32) {
  var patience = timeval(tv_sec: 10, tv_usec: 0)
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
}

private func sendAll(_ bytes: [UInt8], to connection: Int32) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}

/// Without a reset, which could overtake what was sent.
private func finish(_ connection: Int32) {
  shutdown(connection, Int32(SHUT_WR))
  _ = readToEnd(connection)
  close(connection)
}

private func readToEnd(_ connection: Int32) -> Bool {
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = recv(connection, &buffer, buffer.count, 0)
    if count < 0 { return errno == ECONNRESET }
    if count == 0 { return true }
  }
}
