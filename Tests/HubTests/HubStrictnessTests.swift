// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Testing

@Suite struct HubWriteTests {
  let client: HubClient

  init() async throws { client = try await HubClient() }

  func values(_ name: String) -> [Double] { client.hub.series(named: name).flatMap { $0.samples.map(\.value) } }

  @Test func `what is right is stored, and the answer is empty`() async throws {
    let answer = try await client.write([Series("up", (0, 1), (1, 2)), Series("down", (0, -0.0))])
    #expect(answer == (204, ""))
    #expect(values("up") == [1, 2])
    #expect(client.hub.series(named: "down").first?.samples.first?.valueBits == 1 << 63)
    #expect(client.hub.snapshot().samples == 3)
    await client.stop()
  }

  @Test func `one bad sample takes the whole request with it`() async throws {
    _ = try await client.write([Series("b", (0, 1))])
    let answer = try await client.write([Series("a", (5, 1)), Series("b", (-5, 2)), Series("c", (5, 3))])
    #expect(answer.status == 400 && answer.text.contains("out of order sample for series b{job=\"test\"}"))
    #expect(values("a").isEmpty && values("c").isEmpty && values("b") == [1])
    let later = try await client.write([Series("a", (4, 9))])
    #expect(later.status == 204, "nothing of the refused request counts")
    await client.stop()
  }

  @Test func `the same sample again is fine and counted, another value at its time is not`() async throws {
    for _ in 0..<3 { #expect(try await client.write([Series("a", (0, 7))]).status == 204) }
    let other = try await client.write([Series("a", (0, 8))])
    #expect(other.status == 400 && other.text.contains("duplicate sample for timestamp"))
    #expect(values("a") == [7])
    #expect(client.hub.series(named: "a").first?.duplicates == 2)
    await client.stop()
  }

  @Test func `the far future and what is an hour behind any series are out of bounds`() async throws {
    let future = try await client.write([Series("a", (660_000, 1))])
    #expect(future.status == 400 && future.text.contains("out of bounds"))
    #expect(try await client.write([Series("a", (540_000, 1))]).status == 204)
    let old = try await client.write([Series("other", (540_000 - 3_600_001, 1))])
    #expect(old.status == 400 && old.text.contains("out of bounds"))
    #expect(try await client.write([Series("other", (540_000 - 3_600_000, 1))]).status == 204)
    await client.stop()
  }

  @Test(arguments: [
    ([("job", "x")], "no __name__"), ([("__name__", "a"), ("b", "")], "empty"), ([("", "a")], "empty"),
    ([("__name__", "a"), ("z", "1"), ("b", "2")], "not sorted"),
    ([("__name__", "a"), ("b", "1"), ("b", "2")], "twice"),
    ([], "no __name__"),
  ]) func `labels must be sorted, unique, full and name the metric`(labels: [(String, String)], reason: String)
    async throws
  {
    let answer = try await client.write([Series("good", (0, 1)), Series(labels: labels)])
    #expect(answer.status == 400 && answer.text.contains(reason))
    #expect(client.hub.snapshot().series == 0)
    await client.stop()
  }

  @Test func `only POST of snappy blocks of protobuf is taken`() async throws {
    func status(_ method: String, _ headers: Headers, _ body: [UInt8]) async throws -> Int {
      try await client.send(method, "/api/v1/write", headers: headers, body: body).status
    }
    let empty: [UInt8] = [0]
    #expect(try await status("GET", [:], []) == 405)
    #expect(try await status("PUT", [:], empty) == 405)
    #expect(try await status("POST", ["Content-Encoding": "gzip"], empty) == 415)
    #expect(try await status("POST", ["Content-Type": "application/json"], empty) == 415)
    let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    #expect(try await status("POST", ["Content-Type": v2], empty) == 415)
    #expect(try await status("POST", [:], Array("not snappy".utf8)) == 400)
    #expect(try await status("POST", [:], [0xff, 0x06, 0x00, 0x00] + Array("sNaPpY".utf8)) == 400)
    #expect(try await status("POST", [:], [0xff, 0xff, 0xff, 0xff, 0x0f, 0]) == 413)
    #expect(try await client.post("/api/v1/write", [0x0a, 0x05, 0x01]).status == 400)
    #expect(
      try await status("POST", ["Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"], empty) == 204)
    await client.stop()
  }

  @Test func `every answer says that this is a trial hub`() async throws {
    for path in ["/ready", "/-/ready", "/-/healthy", "/hub", "/api/v1/series"] {
      let response = try await client.send("GET", path)
      #expect(response.status == 200)
      #expect(response.headers["X-Spoke-Hub"] == "trial")
    }
    #expect(try await client.send("GET", "/nothing").headers["X-Spoke-Hub"] == "trial")
    await client.stop()
  }
}

@Suite struct HubWindowTests {
  @Test func `an out-of-order window takes late samples once, and refuses what is older`() async throws {
    var options = HubOptions()
    options.outOfOrderWindow = .seconds(7200)
    let client = try await HubClient(options)
    let times: [Int64] = [0, -4_000_000, -2_000_000, -4_000_000]
    for time in times { #expect(try await client.write([Series("a", (time, 1))]).status == 204) }
    #expect(client.hub.series(named: "a").first?.duplicates == 1)
    #expect(client.hub.snapshot().samples == 3)
    let other = try await client.write([Series("a", (-4_000_000, 2))])
    #expect(other.status == 400 && other.text.contains("duplicate"))
    let old = try await client.write([Series("a", (-7_200_001, 1))])
    #expect(old.status == 500 && old.text.contains("too old sample"))
    await client.stop()
  }

  @Test func `what does not fit the window makes room, oldest first, and is counted`() async throws {
    var options = HubOptions()
    options.windowBytes = 24 * 10
    let client = try await HubClient(options)
    for time in 0..<25 { _ = try await client.write([Series("a", (Int64(time), Double(time)))]) }
    #expect(client.hub.series(named: "a").first?.samples.map(\.value) == (15..<25).map(Double.init))
    #expect(client.hub.snapshot().evictedSamples == 15)
    let late = try await client.write([Series("a", (3, 3))])
    #expect(late.status == 400, "order is judged by what was received, not by what is kept")
    await client.stop()
  }
}

@Suite struct HubFaultTests {
  @Test func `a fault for one path lets the other pass`() async throws {
    let client = try await HubClient()
    #expect(try await client.send("POST", "/fault?status=503&count=2&path=/loki/api/v1/push").status == 204)
    #expect(client.hub.faultsLeft == 2)
    #expect(try await client.post("/api/v1/write", Series("a", (0, 1)).encoded).status == 204)
    #expect(try await client.send("POST", "/loki/api/v1/push", body: []).status == 503)
    client.hub.inject(.status(500), at: "/api/v1/write")
    #expect(try await client.post("/api/v1/write", Series("a", (1, 1)).encoded).status == 500)
    #expect(client.hub.faultsLeft == 1)
    await client.stop()
  }

  @Test func `faults asked for over HTTP come in order and then end`() async throws {
    let client = try await HubClient()
    #expect(try await client.send("POST", "/fault?status=503&count=2&retry_after=7").status == 204)
    #expect(try await client.send("POST", "/fault?delay=1").status == 204)
    #expect(try await client.send("POST", "/fault?reset").status == 204)
    #expect(try await client.send("POST", "/fault?commit-then-drop").status == 204)
    #expect(try await client.send("POST", "/fault?nonsense").status == 400)
    #expect(try await client.send("GET", "/fault?reset").status == 405)

    let body = Series("a", (0, 1)).encoded
    #expect(try await client.post("/api/v1/write", body) == (503, "injected fault"))
    #expect(try await client.send("POST", "/api/v1/write", body: [0]).headers["Retry-After"] == "7")
    #expect(try await client.post("/api/v1/write", Series("b", (0, 1)).encoded).status == 204)
    await #expect(throws: HTTPError.self) { try await client.post("/api/v1/write", body) }
    #expect(client.hub.series(named: "a").isEmpty)
    await #expect(throws: HTTPError.self) { try await client.post("/api/v1/write", body) }
    #expect(client.hub.series(named: "a").count == 1, "stored, though nobody was told")
    #expect(try await client.post("/api/v1/write", body).status == 204)
    let counts = client.hub.snapshot().requests
    #expect(counts == ["/api/v1/write 503": 2, "/api/v1/write 204": 2, "/api/v1/write 0": 2])
    await client.stop()
  }
}
