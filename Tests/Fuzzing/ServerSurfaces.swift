// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub

/// Where HTTP is spoken while fuzzing.
let fuzzNetwork = Network()

let serverSurfaces = [
  Surface(
    "server-requests",
    seeds: {
      [
        "GET /-/ready HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%20b?x=1+2&y=%26&z HTTP/1.0\r\n\r\n",
        "POST /loki/api/v1/push HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"streams\":[]}",
        "POST /api/v1/write HTTP/1.1\r\nContent-Encoding: snappy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\0\0\r\n0\r\n\r\n",
        "POST /fault?status=503&count=2&retry_after=1 HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /hub HTTP/1.1\r\n\r\n",
        "POST /api/v1/write HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n\u{5}\u{10}hello",
        "HEAD http://h:1/ HTTP/1.1\r\n\r\n",
      ].map { Array($0.utf8) }
    },
    tokens: [
      "GET ", "POST ", " HTTP/1.1\r\n", "\r\n", "\r\n\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
      "Host: h\r\n", "%", "%ff",
      "?", "&", "=", "ffffffffffffffff\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "Upgrade: x\r\n",
      "X: y\r\n",
    ], longest: 128 << 10, runs: 100,
    examine: {
      var options = HubOptions()
      options.windowBytes = 1 << 20
      options.maxBodyBytes = 1 << 20
      let hub = try await EmbeddedHub.start(on: fuzzNetwork, options: options)
      let client = try HTTPClient(on: fuzzNetwork)
      let ready = try HTTPURL(parsing: "http://127.0.0.1:\(hub.port)/-/ready")
      return { input in
        try require(exchange(input, withPort: hub.port), "the connection stays open")
        hub.clearFaults()
        let response = try await client.send(HTTPRequest("GET", ready), timeout: .seconds(10), bodyLimit: 1000)
        try require(response.status == 200, "the next one is answered \(response.status)")
      }
    })
]
