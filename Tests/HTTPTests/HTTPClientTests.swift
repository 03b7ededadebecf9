// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

@Suite(.serialized) struct HTTPClientTests {
  private static let network = Network()
  private var network: Network { HTTPClientTests.network }

  private func get(
    _ url: String, _ options: ClientOptions = ClientOptions(), timeout: Duration = .seconds(120),
    bodyLimit: Int = 1 << 20,
    truncating: Bool = false, acceptGzip: Bool = false
  ) async throws -> HTTPResponse {
    let request = try HTTPRequest("GET", HTTPURL(parsing: url))
    return try await withClient(options, on: network) {
      try await $0.send(
        request, timeout: timeout, bodyLimit: bodyLimit, truncating: truncating, acceptGzip: acceptGzip)
    }
  }

  /// What a client makes of a server that answers every request with `answer` and closes.
  private func answer(_ answer: String) throws -> RawServer {
    try RawServer { socket, _ in
      _ = socket.receiveHead()
      socket.send(answer)
    }
  }

  // MARK: Connections

  @Test func `connections are kept between requests`() async throws {
    let server = try RawServer { socket, _ in
      while !socket.receiveHead().isEmpty { socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") }
    }
    let client = try HTTPClient(on: network)
    for _ in 0..<5 {
      let response = try await client.send(
        HTTPRequest("GET", HTTPURL(parsing: server.url)), timeout: .seconds(120), bodyLimit: 10)
      #expect(response.body == Array("hi".utf8))
      #expect(response.remoteAddress == "127.0.0.1:\(server.port)")
    }
    #expect(server.connections == 1)
    await client.close()
  }

  @Test func `a thousand requests do not add descriptors`() async throws {
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { _ in ServerResponse(text: "x") }
    let client = try HTTPClient(on: network)
    let request = try HTTPRequest("GET", HTTPURL(parsing: "http://127.0.0.1:\(server.port)/"))
    _ = try await client.send(request, timeout: .seconds(120), bodyLimit: 10)
    let before = try listDirectory("/proc/self/fd").count
    for _ in 0..<1000 { _ = try await client.send(request, timeout: .seconds(120), bodyLimit: 10) }
    // Other suites open and close theirs meanwhile.
    #expect(try listDirectory("/proc/self/fd").count < before + 100)
    await client.close()
    await server.stop()
  }

  @Test(arguments: ["GET", "POST"])
  func `a connection the server closed between requests is replaced`(method: String) async throws {
    let closed = Counter()
    let server = try RawServer { socket, number in
      _ = socket.receiveHead()
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      if number == 1 { closed.add() } else { _ = socket.receiveHead() }
    }
    let client = try HTTPClient(on: network)
    let request = try HTTPRequest(method, HTTPURL(parsing: server.url))
    _ = try await client.send(request, timeout: .seconds(120), bodyLimit: 10)
    #expect(await comesAbout(within: .seconds(60)) { closed.value > 0 })
    try await Task.sleep(for: .milliseconds(100))
    #expect(try await client.send(request, timeout: .seconds(120), bodyLimit: 10).status == 200)
    #expect(server.connections == 2)
    await client.close()
  }

  @Test func `a kept connection that dies under a request is replaced for reads and reported for writes`() async throws
  {
    // Answers once per connection, then takes the next request and closes without a word.
    let server = try RawServer { socket, _ in
      _ = socket.receiveHead()
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      _ = socket.receiveHead()
    }
    let client = try HTTPClient(on: network)
    let url = try HTTPURL(parsing: server.url)
    _ = try await client.send(HTTPRequest("GET", url), timeout: .seconds(120), bodyLimit: 10)
    #expect(try await client.send(HTTPRequest("GET", url), timeout: .seconds(120), bodyLimit: 10).status == 200)
    let error = await #expect(throws: HTTPError.self) {
      try await client.send(HTTPRequest("POST", url), timeout: .seconds(120), bodyLimit: 10)
    }
    #expect(error?.description == "response from 127.0.0.1:\(server.port): connection closed before any of it came")
    await client.close()
  }

  @Test func `when a kept connection has died silently the others are not tried`() async throws {
    // The first two connections answer once, both at a time, and then no more.
    let arrived = Counter()
    let server = try RawServer { socket, number in
      while !socket.receiveHead().isEmpty {
        arrived.add()
        while number <= 2, arrived.value < 2 { usleep(1000) }
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        if number <= 2 { return _ = socket.receiveAll() }
      }
    }
    let request = try HTTPRequest("GET", HTTPURL(parsing: server.url))
    try await withClient(ClientOptions(), on: network) { client in
      try await withThrowingTaskGroup { group in
        for _ in 0..<2 {
          group.addTask { try await client.send(request, timeout: .seconds(120), bodyLimit: 10).status }
        }
        for try await status in group { #expect(status == 200) }
      }
      await #expect(throws: HTTPError.timeout(.response, address: "127.0.0.1:\(server.port)")) {
        try await client.send(request, timeout: .milliseconds(300), bodyLimit: 10)
      }
      #expect(try await client.send(request, timeout: .seconds(120), bodyLimit: 10).status == 200)
      #expect(server.connections == 3)
    }
  }

  @Test func `a refused port is named with the reason`() async throws {
    let port = try RawServer { _, _ in }.port
    #expect(await comesAbout(within: .seconds(60)) { (try? RawSocket(port: port)) == nil })
    let error = await #expect(throws: HTTPError.self) { try await get("http://127.0.0.1:\(port)/") }
    #expect(error?.description == "connect 127.0.0.1:\(port): Connection refused")
  }

  @Test func `a name that does not exist is named with the reason`() async throws {
    let error = await #expect(throws: HTTPError.self) {
      try await get("http://nonexistent.invalid/", timeout: .seconds(20))
    }
    #expect(error?.description.hasPrefix("resolve nonexistent.invalid: ") == true)
  }

  @Test func `localhost is found`() async throws {
    let server = try await HTTPServer.start(host: "localhost", port: 0, on: network) { _ in ServerResponse(text: "x") }
    #expect(try await get("http://localhost:\(server.port)/").status == 200)
    await server.stop()
  }

  @Test func `a server that never answers is given up`() async throws {
    let server = try RawServer { socket, _ in
      _ = socket.receiveHead()
      #expect(socket.receiveAll() == "")  // The client closes.
    }
    await #expect(throws: HTTPError.timeout(.response, address: "127.0.0.1:\(server.port)")) {
      try await get(server.url, timeout: .milliseconds(200))
    }
  }

  @Test func `a connection that does not come about is given up`() async throws {
    // A listener whose queue is full takes no more connections: the kernel drops the packets.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, length)
        _ = listen(listener, 0)
        _ = getsockname(listener, $0, &length)
      }
    }
    let port = Int(UInt16(bigEndian: address.sin_port))
    let queued = try RawSocket(port: port)
    await #expect(throws: HTTPError.timeout(.connect, address: "127.0.0.1:\(port)")) {
      try await get("http://127.0.0.1:\(port)/", ClientOptions(connectTimeout: .milliseconds(200)))
    }
    withExtendedLifetime(queued) {}
  }

  @Test func `cancelling the task closes the connection`() async throws {
    let gone = Counter()
    let arrived = Counter()
    let server = try RawServer { socket, _ in
      _ = socket.receiveHead()
      arrived.add()
      _ = socket.receiveAll()
      gone.add()
    }
    let task = Task { try await get(server.url, timeout: .seconds(120)) }
    #expect(await comesAbout(within: .seconds(60)) { arrived.value > 0 })
    task.cancel()
    await #expect(throws: HTTPError.cancelled) { try await task.value }
    #expect(await comesAbout(within: .seconds(60)) { gone.value > 0 })
  }

  @Test func `a reset is reported as one`() async throws {
    let server = try RawServer { socket, _ in
      _ = socket.receiveHead()
      socket.resetOnClose()
    }
    let error = await #expect(throws: HTTPError.self) { try await get(server.url) }
    #expect(
      error?.description
        == "response from 127.0.0.1:\(server.port): Connection reset by peer before any of it came")
  }

  @Test func `a network whose clients and servers are closed can be shut down`() async throws {
    let network = Network()
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { _ in ServerResponse() }
    let client = try HTTPClient(on: network)
    let url = HTTPURL(.http, host: "127.0.0.1", port: server.port)
    #expect(try await client.send(HTTPRequest("GET", url), timeout: .seconds(120), bodyLimit: 10).status == 200)
    await client.close()
    await server.stop()
    await network.shutdown()
  }

  @Test func `headers that would end early are refused when the client is made`() {
    let options = ClientOptions(headers: [.init(name: "X", value: "a\nb")])
    #expect(throws: HTTPError.self) { _ = try HTTPClient(options, on: network) }
  }

  @Test func `a closed client refuses`() async throws {
    let client = try HTTPClient(on: network)
    await client.close()
    await #expect(throws: HTTPError.cancelled) {
      try await client.send(
        HTTPRequest("GET", HTTPURL(parsing: "http://127.0.0.1:1")), timeout: .seconds(1), bodyLimit: 1)
    }
  }

  // MARK: Responses

  @Test(arguments: [
    "garbage\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "\u{0}\u{1}\u{2}",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ])
  func `what is not HTTP is refused`(text: String) async throws {
    let server = try answer(text)
    let error = await #expect(throws: HTTPError.self) { try await get(server.url) }
    if case .malformedResponse = error {} else { Issue.record("\(String(describing: error))") }
  }

  @Test func `a body cut short is reported as one`() async throws {
    for text in [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    ] {
      let server = try answer(text)
      await #expect(
        throws: HTTPError.closed(.inResponse, address: "127.0.0.1:\(server.port)", reason: "connection closed")
      ) { try await get(server.url) }
    }
  }

  @Test func `headers without end are refused`() async throws {
    for line in ["X: \(String(repeating: "x", count: 1000))\r\n", "X-\(String(repeating: "y", count: 1000))"] {
      let server = try RawServer { socket, _ in
        _ = socket.receiveHead()
        socket.send("HTTP/1.1 200 OK\r\n")
        while socket.send(line) {}
      }
      let error = await #expect(throws: HTTPError.self) { try await get(server.url) }
      if case .malformedResponse = error {} else { Issue.record("\(String(describing: error))") }
    }
  }

  @Test func `responses with any byte changed end in an answer or an error`() async throws {
    let plain = Array(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: z\r\n\r\n".utf8)
    let server = try RawServer { socket, number in
      _ = socket.receiveHead()
      socket.send(damaged(plain, number))
      socket.finishSending()
      _ = socket.receiveAll()
    }
    for _ in 0..<400 {
      do { #expect(try await get(server.url).body.count < plain.count) } catch is HTTPError {}
    }
  }

  @Test func `interim responses are skipped, within reason`() async throws {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    let polite = try answer(interim + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
    #expect(try await get(polite.url).status == 200)
    let endless = try RawServer { socket, _ in
      _ = socket.receiveHead()
      while socket.send(interim) {}
    }
    let error = await #expect(throws: HTTPError.self) { try await get(endless.url) }
    #expect(error?.description.hasSuffix("more than 16 interim responses") == true)
  }

  @Test func `bodies are whole in every framing`() async throws {
    for (text, body) in [
      ("Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", "abcde"),
      ("Content-Length: 3\r\n\r\nabc", "abc"), ("Connection: close\r\n\r\nup to the end", "up to the end"),
    ] {
      let server = try answer("HTTP/1.1 200 OK\r\n\(text)")
      #expect(String(decoding: try await get(server.url).body, as: UTF8.self) == body)
    }
  }

  @Test func `a body over the limit is refused or cut, as asked`() async throws {
    let body = String(repeating: "x", count: 100)
    for text in ["Content-Length: 100\r\n\r\n\(body)", "Connection: close\r\n\r\n\(body)"] {
      let server = try answer("HTTP/1.1 500 Internal Server Error\r\n\(text)")
      await #expect(throws: HTTPError.bodyTooLarge(limit: 99)) { try await get(server.url, bodyLimit: 99) }
      let cut = try await get(server.url, bodyLimit: 99, truncating: true)
      #expect(cut.body.count == 99)
      #expect(cut.bodyTruncated)
      #expect(cut.reason == "Internal Server Error")
      #expect(try await get(server.url, bodyLimit: 100).bodyTruncated == false)
    }
  }

  @Test func `an endless body is left soon after the limit`() async throws {
    let server = try RawServer { socket, _ in
      _ = socket.receiveHead()
      socket.send("HTTP/1.1 200 OK\r\n\r\n")
      while socket.send([UInt8](repeating: 1, count: 8192)) {}
    }
    #expect(try await get(server.url, bodyLimit: 10, truncating: true).body.count == 10)
    await #expect(throws: HTTPError.bodyTooLarge(limit: 10)) { try await get(server.url, bodyLimit: 10) }
  }

  @Test func `gzip is undone within the limit`() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("zeros.gz")
    #expect(try await blocking { system("head -c 10000000 /dev/zero | gzip > '\(path)'") } == 0)
    let bomb = try readFile(path)
    let server = try RawServer { socket, _ in
      let head = socket.receiveHead()
      #expect(head.contains("Accept-Encoding: gzip\r\n"))
      socket.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
      socket.send(bomb)
    }
    #expect(try await get(server.url, bodyLimit: 10_000_000, acceptGzip: true).body.count == 10_000_000)
    await #expect(throws: HTTPError.bodyTooLarge(limit: 1_000_000)) {
      try await get(server.url, bodyLimit: 1_000_000, acceptGzip: true)
    }
    let cut = try await get(server.url, bodyLimit: 1000, truncating: true, acceptGzip: true)
    #expect(cut.body.count == 1000)
    #expect(cut.bodyTruncated)
  }

  @Test func `the response to HEAD has no body to wait for`() async throws {
    let server = try RawServer { socket, _ in
      while !socket.receiveHead().isEmpty { socket.send("HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n") }
    }
    let client = try HTTPClient(on: network)
    for _ in 0..<2 {
      let response = try await client.send(
        HTTPRequest("HEAD", HTTPURL(parsing: server.url)), timeout: .seconds(120), bodyLimit: 10)
      #expect(response.headers["content-length"] == "500000000")
    }
    #expect(server.connections == 1)
    await client.close()
  }

  // MARK: Requests

  private func echo() async throws -> HTTPServer {
    try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { request in
      if let target = request.queryValue("to") { return ServerResponse(status: 302, headers: ["Location": target]) }
      let fields = request.headers.fields.map { "\($0.name): \($0.value)\n" }.joined()
      return ServerResponse(text: "\(request.method) \(request.path) \(request.body.count)\n\(fields)")
    }
  }

  private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

  @Test func `redirects are followed, but secrets stay with the first host`() async throws {
    let (first, second) = (try await echo(), try await echo())
    let options = ClientOptions(credentials: .bearer(.text("hunter2")), headers: [.init(name: "X-Key", value: "k")])
    let base = "http://127.0.0.1:\(first.port)"
    let same = try await get("\(base)/a/b?to=c", options)
    #expect(text(same).hasPrefix("GET /a/c 0\n"))
    #expect(text(same).contains("Authorization: Bearer hunter2\n"))
    let other = try await get("\(base)/?to=http://127.0.0.1:\(second.port)/there", options)
    #expect(text(other).hasPrefix("GET /there 0\n"))
    #expect(!text(other).contains("hunter2"))
    #expect(!text(other).contains("X-Key"))
    let unfollowed = try await get("\(base)/?to=/x", ClientOptions(followRedirects: false))
    #expect(unfollowed.status == 302)
    await first.stop()
    await second.stop()
  }

  @Test func `redirects in a circle end`() async throws {
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { _ in
      ServerResponse(status: 307, headers: ["Location": "/again"])
    }
    await #expect(throws: HTTPError.tooManyRedirects(url: "http://127.0.0.1:\(server.port)/again")) {
      try await get("http://127.0.0.1:\(server.port)/")
    }
    await server.stop()
  }

  @Test func `a password file is read again for each request`() async throws {
    let directory = try TemporaryDirectory()
    let server = try await echo()
    let file = directory.path("password")
    let client = try HTTPClient(
      ClientOptions(credentials: .basic(username: "me", password: .file(file))), on: network)
    let request = try HTTPRequest("GET", HTTPURL(parsing: "http://127.0.0.1:\(server.port)/"))
    for (password, header) in [("one\n", "bWU6b25l"), (" three \n\n", "bWU6dGhyZWU=")] {
      try replaceFile(file, with: Array(password.utf8).span)
      let response = try await client.send(request, timeout: .seconds(120), bodyLimit: 10_000)
      #expect(text(response).contains("Authorization: Basic \(header)\n"))
    }
    try removeFile(file)
    let error = await #expect(throws: HTTPError.self) {
      try await client.send(request, timeout: .seconds(120), bodyLimit: 10_000)
    }
    #expect(error?.description == "open \(file): No such file or directory")
    await client.close()
    await server.stop()
  }

  @Test func `a request's own headers win, and cannot be split`() async throws {
    let server = try await echo()
    let client = try HTTPClient(ClientOptions(userAgent: "agent/1"), on: network)
    var request = try HTTPRequest("POST", HTTPURL(parsing: "http://u:p@127.0.0.1:\(server.port)/x"), body: [1, 2, 3])
    let plain = text(try await client.send(request, timeout: .seconds(120), bodyLimit: 10_000))
    #expect(plain.hasPrefix("POST /x 3\nHost: 127.0.0.1:\(server.port)\nUser-Agent: agent/1\n"))
    #expect(plain.contains("Authorization: Basic dTpw\n"))
    request.headers = ["user-agent": "mine", "Content-Length": "99"]
    let own = text(try await client.send(request, timeout: .seconds(120), bodyLimit: 10_000))
    #expect(own.contains("user-agent: mine\n"))
    #expect(own.contains("Content-Length: 3\n"))
    #expect(!own.contains("agent/1"))
    request.headers = ["X": "a\r\nEvil: yes"]
    await #expect(throws: HTTPError.invalid("value of header X has control characters or line ends in it")) {
      try await client.send(request, timeout: .seconds(120), bodyLimit: 10_000)
    }
    await client.close()
    await server.stop()
  }

  @Test func `a large body arrives whole`() async throws {
    let server = try await HTTPServer.start(
      host: "127.0.0.1", port: 0, on: network, limits: ServerLimits(bodyBytes: 8 << 20)
    ) { ServerResponse(text: "\(crc32c($0.body.span))") }
    let client = try HTTPClient(on: network)
    let body = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let request = try HTTPRequest("POST", HTTPURL(parsing: "http://127.0.0.1:\(server.port)/"), body: body)
    #expect(text(try await client.send(request, timeout: .seconds(30), bodyLimit: 100)) == "\(crc32c(body.span))")
    await client.close()
    await server.stop()
  }

  // MARK: Proxies

  @Test func `http goes to a proxy by its whole URL`() async throws {
    let proxy = try RawServer { socket, _ in
      let head = socket.receiveHead()
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: \(head.utf8.count)\r\n\r\n\(head)")
    }
    let options = ClientOptions(proxy: ProxyOptions(.url(try HTTPURL(parsing: "http://me:pw@127.0.0.1:\(proxy.port)"))))
    let seen = text(try await get("http://target.invalid:81/x?y", options))
    #expect(seen.hasPrefix("GET http://target.invalid:81/x?y HTTP/1.1\r\n"))
    #expect(seen.contains("Host: target.invalid:81\r\n"))
    #expect(seen.contains("Proxy-Authorization: Basic bWU6cHc=\r\n"))
  }

  @Test(arguments: [
    ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses the connection: 407 Proxy Authentication Required"),
    ("nonsense\r\n\r\n", "is no proxy"), ("", "closes the connection"),
    ("HTTP/1.1 200 OK\r\n\r\nsurprise", "sends more than an answer"),
  ])
  func `a proxy that gives no tunnel is reported`(answer: String, reason: String) async throws {
    let proxy = try self.answer(answer)
    let options = ClientOptions(proxy: ProxyOptions(.url(try HTTPURL(parsing: proxy.url))))
    let error = await #expect(throws: HTTPError.self) { try await get("https://target.invalid/", options) }
    #expect(error?.description == "proxy 127.0.0.1:\(proxy.port): \(reason)")
  }
}
