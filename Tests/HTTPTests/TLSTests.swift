// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

@Suite(.serialized) struct TLSTests {
  private static let network = Network()
  private static let made = Task { try await Certificates() }
  private var network: Network { TLSTests.network }
  private let certificates: Certificates

  init() async throws { certificates = try await TLSTests.made.value }

  private func serve(
    _ name: String = "server", clients: ServerTLSOptions.ClientAuthentication = .none
  ) async throws -> HTTPServer {
    let tls = ServerTLSOptions(
      certificate: .file(certificates("\(name).pem")), key: .file(certificates("\(name).key")),
      clientCA: .file(certificates("ca.pem")), clientAuthentication: clients)
    return try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network, tls: tls) {
      ServerResponse(text: "secure: \($0.isTLS)")
    }
  }

  private func get(
    _ server: HTTPServer, _ tls: TLSOptions, host: String = "127.0.0.1", proxy: ProxyOptions? = nil
  ) async throws -> HTTPResponse {
    let url = HTTPURL(.https, host: host, port: server.port)
    return try await withClient(ClientOptions(tls: tls, proxy: proxy), on: network) {
      try await $0.send(HTTPRequest("GET", url), timeout: .seconds(120), bodyLimit: 100)
    }
  }

  private var trusting: TLSOptions { TLSOptions(ca: .file(certificates("ca.pem"))) }

  @Test func `a server whose authority we are told is trusted, by name and by address`() async throws {
    let server = try await serve()
    for host in ["127.0.0.1", "localhost"] {
      #expect(try await get(server, trusting, host: host).body == Array("secure: true".utf8))
    }
    let text = String(decoding: try readFile(certificates("ca.pem")), as: UTF8.self)
    #expect(try await get(server, TLSOptions(ca: .text(text))).status == 200)
    await server.stop()
  }

  @Test func `an unknown authority is refused, unless anything goes`() async throws {
    let server = try await serve()
    for tls in [TLSOptions(), TLSOptions(ca: .file(certificates("other.pem")))] {
      await #expect(
        throws: HTTPError.tls(
          host: "127.0.0.1", reason: "certificate is signed by an unknown authority; set ca_file to trust it")
      ) { try await get(server, tls) }
    }
    #expect(try await get(server, TLSOptions(insecureSkipVerify: true)).status == 200)
    await server.stop()
  }

  @Test func `an expired certificate is refused as one`() async throws {
    let server = try await serve("expired")
    await #expect(throws: HTTPError.tls(host: "127.0.0.1", reason: "certificate has expired")) {
      try await get(server, trusting)
    }
    await server.stop()
  }

  @Test func `another host's certificate is refused, unless its name is expected`() async throws {
    let server = try await serve("stranger")
    for host in ["127.0.0.1", "localhost"] {
      await #expect(
        throws: HTTPError.tls(host: host, reason: "certificate is for another host; set server_name if that is meant")
      ) { try await get(server, trusting, host: host) }
    }
    var named = trusting
    named.serverName = "elsewhere.example"
    #expect(try await get(server, named).status == 200)
    await server.stop()
  }

  @Test func `clients show their certificate where it is required`() async throws {
    let server = try await serve(clients: .requireAndVerify)
    var known = trusting
    known.certificate = .file(certificates("client.pem"))
    known.key = .file(certificates("client.key"))
    #expect(try await get(server, known).status == 200)
    await #expect(throws: HTTPError.self) { try await get(server, trusting) }
    var stranger = trusting
    stranger.certificate = .file(certificates("other.pem"))
    stranger.key = .file(certificates("other.key"))
    let error = await #expect(throws: HTTPError.self) { try await get(server, stranger) }
    // With TLS 1.3 the refusal comes after our handshake, and a reset may overtake it.
    switch error {
    case .tls, .closed(.beforeResponse, _, _): break
    default: Issue.record("\(String(describing: error))")
    }
    await server.stop()
  }

  @Test func `clients may go without a certificate where it is only checked if given`() async throws {
    let server = try await serve(clients: .verifyIfGiven)
    #expect(try await get(server, trusting).status == 200)
    await server.stop()
  }

  @Test func `a renewed authority is used from the next connection on`() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path("ca.pem")
    let server = try await serve()
    let outdated = try readFile(certificates("other.pem"))
    try replaceFile(file, with: outdated.span)
    let options = ClientOptions(tls: TLSOptions(ca: .file(file)))
    let request = HTTPRequest("GET", HTTPURL(.https, host: "127.0.0.1", port: server.port))
    try await withClient(options, on: network) { client in
      await #expect(throws: HTTPError.self) { try await client.send(request, timeout: .seconds(120), bodyLimit: 100) }
      let renewed = try readFile(certificates("ca.pem"))
      try replaceFile(file, with: renewed.span)
      #expect(try await client.send(request, timeout: .seconds(120), bodyLimit: 100).status == 200)
    }
    await server.stop()
  }

  /// What is said against options when a client is made of them.
  private func refusal(_ tls: TLSOptions) -> String {
    do {
      _ = try HTTPClient(ClientOptions(tls: tls), on: network)
      return "nothing"
    } catch { return "\(error)" }
  }

  @Test func `bad material is refused when the client is made`() {
    let key = certificates("client.key")
    let certificate = Material.file(certificates("client.pem"))
    #expect(refusal(TLSOptions(ca: .file("/nowhere"))) == "open /nowhere: No such file or directory")
    #expect(refusal(TLSOptions(ca: .file(key))) == "TLS: no certificate in PEM form in \(key)")
    #expect(
      refusal(TLSOptions(certificate: certificate)) == "TLS: a certificate needs its key, and a key its certificate")
    #expect(
      refusal(TLSOptions(certificate: certificate, key: .text("x")))
        == "TLS: no private key in PEM form in the text given")
    let mixed = TLSOptions(certificate: certificate, key: .file(certificates("server.key")))
    #expect(refusal(mixed).hasPrefix("TLS: certificate and key cannot be used together"))
  }

  @Test func `a server that does not speak TLS is reported`() async throws {
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { _ in ServerResponse() }
    let error = await #expect(throws: HTTPError.self) { try await get(server, trusting) }
    #expect(error?.description.hasPrefix("TLS with 127.0.0.1: ") == true)
    await server.stop()
  }

  @Test func `a handshake that never ends is given up`() async throws {
    let server = try RawServer { socket, _ in _ = socket.receiveAll() }
    let options = ClientOptions(connectTimeout: .milliseconds(300), tls: trusting)
    let request = HTTPRequest("GET", HTTPURL(.https, host: "127.0.0.1", port: server.port))
    await #expect(throws: HTTPError.timeout(.handshake, address: "127.0.0.1:\(server.port)")) {
      try await withClient(options, on: network) { try await $0.send(request, timeout: .seconds(120), bodyLimit: 1) }
    }
  }

  @Test func `https goes through a tunnel of the proxy`() async throws {
    let server = try await serve()
    let port = server.port
    let proxy = try RawServer { socket, _ in
      let head = socket.receiveHead()
      #expect(head == "CONNECT localhost:\(port) HTTP/1.1\r\nHost: localhost:\(port)\r\nX-Team: blue\r\n\r\n")
      guard let target = try? RawSocket(port: port) else { return }
      socket.send("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
      Task { try await BlockingThread(name: "pump").run { pump(from: target, to: socket) } }
      pump(from: socket, to: target)
    }
    let options = ProxyOptions(
      .url(try HTTPURL(parsing: proxy.url)), connectHeaders: [.init(name: "X-Team", value: "blue")])
    #expect(try await get(server, trusting, host: "localhost", proxy: options).status == 200)
    #expect(proxy.connections == 1)
    await server.stop()
  }
}

private func pump(from source: RawSocket, to target: RawSocket) {
  while true {
    let bytes = source.receive()
    guard !bytes.isEmpty, target.send(bytes) else { break }
  }
  target.finishSending()
}
