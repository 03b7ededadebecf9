// SPDX-License-Identifier: Apache-2.0

import HTTP
import Testing

@testable import struct HTTP.NoProxy
@testable import struct HTTP.ProxyChoice

@Suite struct HTTPURLTests {
  @Test func `a URL is taken apart`() throws {
    let url = try HTTPURL(parsing: "HTTPS://me:p%40ss@Example.ORG:8443/a/b?x=1&y=%20#fragment")
    #expect(url.scheme == .https)
    #expect(url.host == "example.org")
    #expect(url.port == 8443)
    #expect(url.path == "/a/b?x=1&y=%20")
    #expect(url.userInfo == HTTPURL.UserInfo(username: "me", password: "p@ss"))
    #expect(url.description == "https://me:(secret)@example.org:8443/a/b?x=1&y=%20")
  }

  @Test(arguments: [
    ("http://h", "h:80", "/"), ("https://h?q", "h:443", "/?q"), ("http://[::1]:9/x", "[::1]:9", "/x"),
    ("http://[2001:db8::1]", "[2001:db8::1]:80", "/"), ("http://h:/", "h:80", "/"),
    ("http://a_b.c-d#f", "a_b.c-d:80", "/"),
  ])
  func `what is not written has its default`(text: String, address: String, path: String) throws {
    let url = try HTTPURL(parsing: text)
    #expect(url.address == address)
    #expect(url.path == path)
  }

  @Test(arguments: [
    "", "h", "h:80", "ftp://h", "http://", "http:///x", "http://h:0", "http://h:65536", "http://h:-1", "http://h:8x",
    "http://[::1", "http://[nonsense]", "http://[::1]x", "http://a b", "http://a\r\nb", "http://::1", "http://%61",
    "http://u:%zz@h",
  ])
  func `what is not the URL of a server is refused`(text: String) {
    #expect(throws: URLError.self) { try HTTPURL(parsing: text) }
  }

  @Test func `what could end a request line is encoded`() throws {
    #expect(try HTTPURL(parsing: "http://h/a b\r\nX: y\"ä%41").path == "/a%20b%0D%0AX:%20y%22%C3%A4%41")
  }

  @Test func `errors do not repeat passwords`() {
    let error = #expect(throws: URLError.self) { try HTTPURL(parsing: "http://me:hunter2@h:x") }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func `query items are encoded`() throws {
    let url = try HTTPURL(parsing: "http://h/x?a=1").appendingQuery([("match[]", "{job=\"a b\"}"), ("c", "")])
    #expect(url.path == "/x?a=1&match%5B%5D=%7Bjob%3D%22a%20b%22%7D&c=")
  }

  @Test func `percent-encoding is undone or refused`() {
    #expect(percentDecoded("a%20%C3%A4") == "a ä")
    #expect(percentDecoded("%") == nil)
    #expect(percentDecoded("%4") == nil)
    #expect(percentDecoded("%ff") == nil)
  }
}

@Suite struct ProxyOptionsTests {
  @Test func `exceptions are names, suffixes, addresses and networks`() {
    let rules = NoProxy("example.org, .corp, 10.0.0.0/8,192.168.1.7, fd00::/8,with.port:99, bad/999,*.star.net")
    let direct = [
      "example.org", "a.example.org", "x.corp", "10.255.0.1", "192.168.1.7", "fd00::5", "localhost", "127.0.0.9", "::1",
      "x.star.net",
    ]
    for host in direct { #expect(rules.matches(host: host, port: 80), "\(host)") }
    for host in ["badexample.org", "corp", "11.0.0.1", "192.168.1.8", "fe00::5", "with.port", "star.net"] {
      #expect(!rules.matches(host: host, port: 80), "\(host)")
    }
    #expect(rules.matches(host: "with.port", port: 99))
    #expect(NoProxy("*").matches(host: "anything", port: 1))
  }

  @Test func `the environment's proxies are taken by scheme`() throws {
    let environment = ["http_proxy": "p1:3128", "HTTPS_PROXY": "http://p2:8080", "NO_PROXY": "direct"]
    let choice = try ProxyChoice(ProxyOptions(.environment)) { environment[$0] }
    #expect(try choice.proxy(for: HTTPURL(parsing: "http://a"))?.address == "p1:3128")
    #expect(try choice.proxy(for: HTTPURL(parsing: "https://a"))?.address == "p2:8080")
    #expect(try choice.proxy(for: HTTPURL(parsing: "https://direct")) == nil)
    #expect(try choice.proxy(for: HTTPURL(parsing: "http://localhost")) == nil)
  }

  @Test func `a proxy that cannot be spoken to is refused at once`() throws {
    let url = try HTTPURL(parsing: "https://me:pw@proxy")
    let error = #expect(throws: HTTPError.self) { try ProxyChoice(ProxyOptions(.url(url))) }
    #expect(error?.description == "proxy https://me:(secret)@proxy/: only http:// proxies are supported")
  }
}

@Suite struct HeadersTests {
  @Test func `names compare without case and values stay in order`() {
    var headers: Headers = ["Accept": "a", "X": "1"]
    headers.add("ACCEPT", "b")
    #expect(headers["accept"] == "a")
    #expect(headers.values(of: "Accept") == ["a", "b"])
    headers["aCCept"] = "c"
    #expect(headers.values(of: "Accept") == ["c"])
    #expect(headers["y"] == nil)
  }

  @Test func `secrets do not print`() {
    #expect("\(Headers([.init(name: "Authorization", value: "hunter2")]))" == "[Authorization]")
    #expect("\(Credentials.basic(username: "me", password: .text("hunter2")))" == "basic me:(secret)")
    #expect(!"\(ClientOptions(credentials: .bearer(.text("hunter2"))))".contains("hunter2"))
    #expect(!"\(TLSOptions(key: .text("hunter2")))".contains("hunter2"))
  }
}
