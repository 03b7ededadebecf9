// SPDX-License-Identifier: Apache-2.0

import Linux

@testable import Delivery
@testable import HTTP

/// What hubs and targets answer.
let answerSurfaces = [
  // Fields and bodies, past the HTTP library. Status, Retry-After and Date stand on lines of their own.
  Surface(
    "hub-refusals",
    seeds: [
      "503\n30\nMon, 23 Nov 2026 12:38:51 GMT\nsnappy: corrupt input",
      "429\nMon, 23 Nov 2026 12:40:51 GMT\nMonday, 23-Nov-26 12:38:51 GMT\nIngestion rate limit exceeded for user fake (limit: 4194304 bytes/sec)",
      "400\n\nMon Nov 23 12:38:51 2026\nentry with timestamp 2026-11-23 12:38:51 ignored, reason: 'entry too far behind',\nuser 'x', total ignored: 3 out of 7 for stream: {a=\"b\"}",
      "400\n1\n\n2 errors like: entry for stream '{a=\"b\"}' has timestamp too old; 999999999 errors like: max entry size",
      "200\n\n\n<html>log in</html>",
    ],
    tokens: [
      "total ignored: ", " out of ", " errors like: ", "rate limit exceeded", "__stream_shard__", "999999999",
      "label name", "GMT", "Feb",
      "9999", "23:59:60", "0000", "out of order", "İ",
    ]
  ) { input in
    let lines = text(input).split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    func line(_ number: Int) -> String { number < lines.count ? lines[number] : "" }
    let body = Array(line(3).utf8)
    let response = HTTPResponse(
      status: Int(line(0)) ?? 500, reason: line(3),
      headers: ["Retry-After": line(1), "Date": line(2), "Content-Type": line(2)], body: body, bodyTruncated: false)
    let attempt = Attempt(response, seconds: 0.1, now: 1_700_000_000)
    for dialect in [RetryPolicy.Dialect.loki, .remoteWrite] {
      var policy = RetryPolicy(dialect)
      for _ in 0..<3 {
        let wait: Duration
        switch policy.next(after: attempt.outcome, random: 0.5) {
        case .retry(let after), .hold(let after): wait = after
        default: continue
        }
        try require(wait >= .zero && wait <= RetryPolicy.Limits().longestRetryAfter, "a wait of \(wait)")
      }
    }
    _ = (attempt.reason, attempt.text)
    try require(attempt.text.utf8.count <= 16 * errorBodyLimit, "an error of \(attempt.text.utf8.count) bytes")
    for isOneStream in [true, false] {
      if case .entries(let count) = LokiRefusal(attempt.answer, entries: 7, isOneStream: isOneStream) {
        try require((0...7).contains(count), "\(count) of 7 entries")
      }
    }
    var skew = ClockSkew()
    _ = skew.observe(date: line(2), now: 1_700_000_000)
  },
  // Whole answers, as bytes on a connection. The first byte tells how the client asks.
  Surface(
    "hub-answers",
    seeds: {
      let gzipped = try gzip(Array("a 1\n".utf8)), bomb = try gzip([UInt8](repeating: 0, count: 1 << 20))
      let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
      return [
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.0 400 Bad\r\n\r\nno end but the end",
        "HTTP/1.1 429 Slow\r\nContent-Length: 99999999999\r\n\r\nx",
        "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
      ].map { [0] + Array($0.utf8) } + [gzipped, bomb].map { [3] + Array("\(head)\($0.count)\r\n\r\n".utf8) + $0 }
    },
    tokens: [
      "HTTP/1.1 ", "HTTP/2.0 200 OK", "\r\n", "\r\n\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
      "Content-Encoding: gzip\r\n",
      "Connection: keep-alive\r\n", "ffffffffffffffff\r\n", "fffffffffffffffff\r\n", "-1\r\n", "0\r\n\r\n",
      "5;ext=1\r\n", "Trailer: x\r\n",
      "X: y\r\n", " 101 Switching\r\n", "Upgrade: h2c\r\n",
    ], longest: 256 << 10, runs: 100,
    examine: {
      let server = try ScriptedServer()
      let client = try HTTPClient(on: fuzzNetwork)
      let url = try HTTPURL(parsing: "http://127.0.0.1:\(server.port)/")
      return { input in
        let flags = input.first ?? 0
        server.answer = Array(input.dropFirst())
        let limit = 64 << 10
        guard
          let response = try? await client.send(
            HTTPRequest("POST", url, body: [1]), timeout: .seconds(5), bodyLimit: limit, truncating: flags & 1 != 0,
            acceptGzip: flags & 2 != 0)
        else { return }
        try require(response.body.count <= limit, "a body of \(response.body.count) bytes")
        _ = Attempt(response, seconds: 0, now: 0)
      }
    }),
  // What is no TLS, or half of it, where a client has said hello; and what a proxy answers to CONNECT. The first byte
  // chooses.
  Surface(
    "handshakes",
    seeds: {
      [
        [0, 22, 3, 3, 0, 4, 2, 0, 0, 0], [0, 21, 3, 3, 0, 2, 2, 40], [0, 22, 3, 3, 0xff, 0xff],
        [0, 20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 3, 1, 2, 3], [0] + Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
        [1] + Array("HTTP/1.1 200 Connection established\r\n\r\n\u{16}\u{3}\u{3}".utf8),
        [1] + Array("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno".utf8),
        [1] + Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8),
      ]
    },
    tokens: [
      "\u{16}\u{3}\u{3}", "\u{15}\u{3}\u{1}", "HTTP/1.1 200 OK\r\n", "\r\n\r\n", "Content-Length: ", "X: y\r\n",
    ],
    longest: 128 << 10, runs: 100,
    examine: {
      let server = try ScriptedServer()
      var options = ClientOptions(connectTimeout: .seconds(5))
      let direct = try HTTPClient(options, on: fuzzNetwork)
      options.proxy = ProxyOptions(.url(try HTTPURL(parsing: "http://127.0.0.1:\(server.port)")))
      let tunnelled = try HTTPClient(options, on: fuzzNetwork)
      let (near, far) = (
        try HTTPURL(parsing: "https://127.0.0.1:\(server.port)/"), try HTTPURL(parsing: "https://192.0.2.1/")
      )
      return { input in
        server.answer = Array(input.dropFirst())
        let isTunnelled = (input.first ?? 0) & 1 != 0
        let client = isTunnelled ? tunnelled : direct
        let request = HTTPRequest("GET", isTunnelled ? far : near)
        let start = monotonicNanoseconds()
        let response = try? await client.send(request, timeout: .seconds(8), bodyLimit: 1000)
        try require(response == nil, "an answer from nobody that was asked")
        let seconds = (monotonicNanoseconds() - start) / 1_000_000_000
        try require(seconds < 8, "a refusal after \(seconds) s")
      }
    }),
  Surface(
    "gzip", seeds: { [try gzip(Array("hello".utf8)), try gzip([UInt8](repeating: 0, count: 1 << 20))] }, runs: 133
  ) {
    { input in
      guard let (bytes, _) = try? gunzip(input, limit: 100_000, allowingPartial: input.count % 2 == 0) else { return }
      try require(bytes.count <= 100_000, "\(bytes.count) bytes of at most 100000")
    }
  },
  Surface(
    "urls", seeds: ["http://user:p%40ss@[::1]:9090/a/b?c=d#e", "https://h/", "unix:///run/x.sock", "http://1.2.3.4"],
    tokens: ["http://", "https://", "@", "[::1]", ":65536", "%2", "%00", "?", "#", "/../"]
  ) { input in
    guard let url = try? HTTPURL(parsing: text(input)) else { return }
    _ = percentDecoded(percentEncoded(url.path))
    _ = url.appendingQuery([("a", text(input))])
  },
]
