// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

@Suite(.serialized) struct HTTPServerTests {
  private static let network = Network()
  private var network: Network { HTTPServerTests.network }

  private func serve(
    _ limits: ServerLimits = ServerLimits(),
    _ handler: @escaping HTTPServer.Handler = { request in
      let query = request.query.map { "\($0.name)=\($0.value);" }.joined()
      return request.path == "/missing"
        ? ServerResponse(status: 404, text: "nothing here\n")
        : ServerResponse(text: "\(request.method) \(request.path) \(query)\(request.body.count)")
    }
  ) async throws -> HTTPServer {
    try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network, limits: limits, handler: handler)
  }

  /// What the server answers to `text` until it, or for a kept connection we, close.
  private func answer(_ server: HTTPServer, _ text: String) async throws -> String {
    let port = server.port
    return try await blocking {
      let socket = try RawSocket(port: port)
      socket.send(text)
      return socket.receiveAll()
    }
  }

  @Test func `requests are answered with path and query decoded`() async throws {
    let server = try await serve()
    let text = try await answer(server, "GET /a%20b?x=1+2&y=%26&z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.hasSuffix("\r\n\r\nGET /a b x=1 2;y=&;z=;0"))
    #expect(text.contains("Connection: close\r\n"))
    let missing = try await answer(server, "GET /missing HTTP/1.0\r\n\r\n")
    #expect(missing.contains(" 404 Not Found\r\n"))
    #expect(missing.hasSuffix("\r\n\r\nnothing here\n"))
    let absolute = try await answer(server, "GET http://h/x HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(absolute.hasSuffix("GET /x 0"))
    await server.stop()
  }

  @Test func `HEAD is answered without the body but with its length`() async throws {
    let server = try await serve()
    let text = try await answer(server, "HEAD /missing HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(text.contains("Content-Length: 13\r\n"))
    #expect(text.hasSuffix("\r\n\r\n"))
    await server.stop()
  }

  @Test func `requests sent all at once are answered in order`() async throws {
    let server = try await serve()
    let many = (0..<200).map { "GET /\($0) HTTP/1.1\r\n\r\n" }.joined()
    let text = try await answer(server, many + "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n")
    let answers = text.split(separator: "GET /").dropFirst().map { $0.prefix { $0 != " " } }
    #expect(answers == (0..<200).map { "\($0)" } + ["last"])
    await server.stop()
  }

  @Test(arguments: [
    ("garbage\r\n\r\n", "400"), ("GET / HTTP/3.7\r\n\r\n", "400"), ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
    ("GET relative HTTP/1.1\r\n\r\n", "400"), ("GET /%zz HTTP/1.1\r\n\r\n", "400"),
    ("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "400"),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"),
    ("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413"),
    ("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", "413"),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\nFILL1001\r\n", "413"),
    ("GET / HTTP/1.1\r\nX: FILL5000\r\n\r\n", "431"),
    ("GET / HTTP/1.1\r\nExpect: miracles\r\n\r\n", "417"),
  ])
  func `what cannot be served is refused and the connection closed`(request: String, status: String) async throws {
    let server = try await serve(ServerLimits(headerBytes: 4096, bodyBytes: 1000))
    // Spelled out only here, or the test's name would be as long.
    let filled = [1001, 5000].reduce(request) { $0.replacing("FILL\($1)", with: String(repeating: "x", count: $1)) }
    let text = try await answer(server, filled)
    #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
    #expect(text.contains("Connection: close\r\n"))
    await server.stop()
  }

  @Test func `requests with any byte changed leave the server standing`() async throws {
    let server = try await serve()
    let port = server.port
    let plain = Array(
      "POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: z\r\n\r\n"
        .utf8)
    try await blocking {
      for number in 0..<400 {
        let socket = try RawSocket(port: port)
        socket.send(damaged(plain, number))
        socket.finishSending()
        _ = socket.receiveAll()
      }
    }
    #expect(try await answer(server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").hasSuffix("GET / 0"))
    await server.stop()
  }

  @Test func `endless headers are cut off`() async throws {
    let server = try await serve()
    let port = server.port
    let text = try await blocking {
      let socket = try RawSocket(port: port)
      socket.send("GET / HTTP/1.1\r\n")
      for _ in 0..<100_000 where !socket.send("X-Filler: \(String(repeating: "x", count: 100))\r\n") { break }
      return socket.receiveAll()
    }
    // The refusal may be lost when we keep sending; that we are let go may not.
    #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"))
    await server.stop()
  }

  @Test func `a client that waits to be told to go on is told`() async throws {
    let server = try await serve()
    let port = server.port
    let (interim, final) = try await blocking {
      let socket = try RawSocket(port: port)
      socket.send("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
      let interim = socket.receiveHead()
      socket.send("abc")
      return (interim, socket.receiveAll())
    }
    #expect(interim == "HTTP/1.1 100 Continue\r\n\r\n")
    #expect(final.hasSuffix("POST / 3"))
    await server.stop()
  }

  @Test func `a request that dribbles in is not waited for`() async throws {
    let server = try await serve(ServerLimits(requestTimeout: .milliseconds(300)))
    for start in ["", "GET / HT", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12"] {
      #expect(try await answer(server, start) == "")
    }
    await server.stop()
  }

  @Test func `a kept connection is closed when nothing is asked`() async throws {
    let server = try await serve(ServerLimits(idleTimeout: .milliseconds(200)))
    #expect(try await answer(server, "GET / HTTP/1.1\r\n\r\n").hasSuffix("GET / 0"))
    await server.stop()
  }

  @Test func `connections over the limit are closed, and room is made again`() async throws {
    let server = try await serve(ServerLimits(connections: 3))
    let port = server.port
    try await blocking {
      let held = try (0..<3).map { _ in
        let socket = try RawSocket(port: port)
        socket.send("GET / HTTP/1.1\r\n\r\n")
        #expect(socket.receiveHead().hasPrefix("HTTP/1.1 200"))
        return socket
      }
      let fourth = try RawSocket(port: port)
      #expect(fourth.receiveAll() == "")
      withExtendedLifetime(held) {}
    }
    var served = false
    for _ in 0..<100 where !served {
      served = try await answer(server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 200")
    }
    #expect(served)
    await server.stop()
  }

  @Test func `a server can be made to fail`() async throws {
    let server = try await serve(ServerLimits(stopTimeout: .seconds(600))) { request in
      request.path == "/reset" ? .reset : .hang
    }
    let client = try HTTPClient(on: network)
    func ask(_ path: String) async throws(HTTPError) -> HTTPResponse {
      try await client.send(
        HTTPRequest("GET", HTTPURL(.http, host: "127.0.0.1", port: server.port, path: path)),
        timeout: .milliseconds(300), bodyLimit: 10)
    }
    let address = "127.0.0.1:\(server.port)"
    await #expect(
      throws: HTTPError.closed(.beforeResponse, address: address, reason: "Connection reset by peer")
    ) { try await ask("/reset") }
    await #expect(throws: HTTPError.timeout(.response, address: address)) { try await ask("/hang") }
    let port = server.port
    async let hanging = blocking {
      let socket = try RawSocket(port: port)
      socket.send("GET /hang HTTP/1.1\r\n\r\n")
      return socket.receiveAll()
    }
    try await Task.sleep(for: .milliseconds(100))
    await server.stop()
    #expect(try await hanging == "")
    await client.close()
  }

  @Test func `stopping lets the request in flight finish and takes no more`() async throws {
    let arrived = Counter()
    let mayAnswer = Counter()
    let server = try await serve { _ in
      arrived.add()
      _ = await comesAbout(within: .seconds(60)) { mayAnswer.value > 0 }
      return ServerResponse(text: "done")
    }
    let port = server.port
    async let response = answer(server, "GET / HTTP/1.1\r\n\r\n")
    #expect(await comesAbout(within: .seconds(60)) { arrived.value > 0 })
    async let stopped: Void = server.stop()
    #expect(await comesAbout(within: .seconds(60)) { (try? RawSocket(port: port)) == nil })
    mayAnswer.add()
    #expect(try await response.hasSuffix("\r\n\r\ndone"))
    await stopped
  }

  @Test func `stopping waits no longer than it may`() async throws {
    let cancelled = Counter()
    let server = try await serve(ServerLimits(stopTimeout: .milliseconds(100))) { _ in
      try? await Task.sleep(for: .seconds(600))
      if Task.isCancelled { cancelled.add() }
      return ServerResponse()
    }
    async let response = answer(server, "GET / HTTP/1.1\r\n\r\n")
    try await Task.sleep(for: .milliseconds(100))
    await server.stop()
    #expect(try await response == "")
    #expect(await comesAbout(within: .seconds(60)) { cancelled.value > 0 })
  }

  @Test func `a client that leaves cancels its request`() async throws {
    let arrived = Counter()
    let cancelled = Counter()
    let server = try await serve { _ in
      arrived.add()
      try? await Task.sleep(for: .seconds(600))
      if Task.isCancelled { cancelled.add() }
      return ServerResponse()
    }
    var socket: RawSocket? = try RawSocket(port: server.port)
    socket?.send("GET / HTTP/1.1\r\n\r\n")
    #expect(await comesAbout(within: .seconds(60)) { arrived.value > 0 })
    socket = nil
    #expect(await comesAbout(within: .seconds(60)) { cancelled.value > 0 })
    await server.stop()
  }

  @Test func `a response that cannot be sent becomes a 500`() async throws {
    let server = try await serve { _ in ServerResponse(headers: ["X": "a\r\nEvil: yes"]) }
    let text = try await answer(server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(text.hasPrefix("HTTP/1.1 500 "))
    #expect(!text.contains("Evil"))
    await server.stop()
  }

  @Test func `a port that is taken is said, with what to do`() async throws {
    let server = try await serve()
    let error = await #expect(throws: ListenError.self) {
      try await HTTPServer.start(host: "127.0.0.1", port: server.port, on: network) { _ in ServerResponse() }
    }
    #expect(
      error?.description
        == "listen 127.0.0.1:\(server.port): Address already in use; another program has the port "
        + "(\"ss -ltnp\" shows which); stop it or choose another port")
    await #expect(throws: ListenError.self) {
      try await HTTPServer.start(host: "192.0.2.1", port: 0, on: network) { _ in ServerResponse() }
    }
    await server.stop()
  }

  @Test func `without a host it listens on every address`() async throws {
    let server = try await HTTPServer.start(host: "", port: 0, on: network) { _ in ServerResponse(text: "x") }
    #expect(try await answer(server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").hasSuffix("x"))
    await server.stop()
  }
}
