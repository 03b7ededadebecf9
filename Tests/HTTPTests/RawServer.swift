// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization

/// A server without manners: each connection is handed to a script that reads and writes bytes as it likes.
final class RawServer: Sendable {
  let port: Int
  private let listener: Int32
  private let accepted = Counter()

  /// Connections so far.
  var connections: Int { accepted.value }

  var url: String { "http://127.0.0.1:\(port)" }

  init(_ script: @escaping @Sendable (RawSocket, _ connection: Int) -> Void) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw SystemError("bind") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Task { [accepted] in try await BlockingThread(name: "raw-accept").run { acceptAll(listener, accepted, script) } }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

private func acceptAll(
  _ listener: Int32, _ accepted: Counter, _ script: @escaping @Sendable (RawSocket, Int) -> Void
) {
  while true {
    let descriptor = accept(listener, nil, nil)
    guard descriptor >= 0 else { break }
    let number = accepted.add()
    let socket = RawSocket(descriptor)
    Task { try await BlockingThread(name: "raw-conn").run { script(socket, number) } }
  }
  close(listener)
}

/// A number that tests and servers count up together.
final class Counter: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  @discardableResult
  func add() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }
}

/// One connection, closed when nobody holds it any longer. Reads give up after ten seconds.
final class RawSocket: Sendable {
  let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Connects to a port of this host.
  convenience init(port: Int) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.init(descriptor)
    var address = loopback(port: port)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard connected else { throw SystemError("connect") }
  }

  deinit { close(descriptor) }

  /// Sends all of `bytes`; false when the peer has gone.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// What comes next; empty at the end, on errors and after ten seconds.
  func receive(upTo limit: Int = 64 << 10) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(descriptor, &buffer, limit, 0)
    return count > 0 ? Array(buffer[..<count]) : []
  }

  /// What comes up to and with `end`, byte for byte; all there is when it never comes.
  func receive(until end: String) -> String {
    var text: [UInt8] = []
    let end = Array(end.utf8)
    while !text.suffix(end.count).elementsEqual(end) {
      let byte = receive(upTo: 1)
      if byte.isEmpty { break }
      text += byte
    }
    return String(decoding: text, as: UTF8.self)
  }

  func receiveHead() -> String { receive(until: "\r\n\r\n") }

  /// Everything up to the end of the connection.
  func receiveAll() -> String {
    var all: [UInt8] = []
    while true {
      let more = receive()
      if more.isEmpty { return String(decoding: all, as: UTF8.self) }
      all += more
    }
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with RST instead of FIN, once the socket is let go.
  func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }
}

func loopback(port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

/// Runs `work`, which blocks, without blocking the test's thread.
func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await BlockingThread(name: "test").run(work)
}

/// `bytes` with one to three of them changed, the same ones for the same `number`.
func damaged(_ bytes: [UInt8], _ number: Int) -> [UInt8] {
  var state = UInt64(number) &* 0x9e37_79b9_7f4a_7c15 | 1
  func next() -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33)
  }
  var result = bytes
  for _ in 0...(next() % 3) { result[next() % bytes.count] = UInt8(next() & 0xff) }
  return result
}
