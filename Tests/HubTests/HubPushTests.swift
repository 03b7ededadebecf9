// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Telemetry
import Testing
import Wire

/// A hub, and pushes to it as JSON, with times in nanoseconds from now.
private struct Pushes {
  let client: HubClient
  let now = HubClient.now * 1_000_000

  init(_ limits: StreamLimits = StreamLimits(), tenants: Bool = false) async throws {
    var options = HubOptions()
    options.streams = limits
    options.separatesTenants = tenants
    client = try await HubClient(options)
  }

  func stream(_ labels: String, _ entries: (Int64, String)...) -> String { stream(labels, entries) }

  func stream(_ labels: String, _ entries: [(Int64, String)]) -> String {
    let values = entries.map { "[\"\(now + $0.0)\",\"\($0.1)\"]" }.joined(separator: ",")
    return "{\"stream\":\(labels),\"values\":[\(values)]}"
  }

  func push(_ streams: String...) async throws -> (status: Int, text: String) {
    try await client.push(json: "{\"streams\":[\(streams.joined(separator: ","))]}")
  }

  func push(_ labels: String, _ entries: (Int64, String)...) async throws -> (status: Int, text: String) {
    try await push(stream(labels, entries))
  }

  var lines: [String] { client.hub.streams().flatMap { $0.entries.map(\.text) } }
}

@Suite struct HubPushTests {
  private let hour: Int64 = 3_600_000_000_000

  @Test func `lines are taken as JSON and as protobuf`() async throws {
    let hub = try await Pushes()
    #expect(try await hub.push("{\"app\":\"x\"}", (0, "one"), (1, "two")).status == 204)
    var encoder = PushEncoder()
    encoder.beginStream(packedLabels: LabelSet(["app": "y"]).packed.span)
    encoder.add(timestampNanoseconds: hub.now - 5 * hour, line: Array("three".utf8).span)
    encoder.endStream()
    #expect(try await hub.client.post("/loki/api/v1/push", encoder.bytes) == (204, ""))
    #expect(hub.lines == ["one", "two", "three"])
    await hub.client.stop()
  }

  @Test func `what is too far behind is left out, counted, and the rest taken`() async throws {
    let hub = try await Pushes()
    #expect(try await hub.push("{\"app\":\"x\"}", (0, "now")).status == 204)
    let answer = try await hub.push("{\"app\":\"x\"}", (-hour - 1, "behind"), (-hour, "late"), (3, "fine"))
    #expect(answer.status == 400)
    #expect(answer.text.contains("too far behind") && answer.text.contains("total ignored: 1 out of 3"))
    #expect(hub.lines == ["now", "late", "fine"])
    await hub.client.stop()
  }

  @Test func `what is wrong in itself is left out before the stream is looked at, and counted apart`() async throws {
    let hub = try await Pushes()
    let long = String(repeating: "x", count: 256 << 10 + 1)
    let wrong: [(Int64, String)] = [(-169 * hour, "old"), (hour, "new"), (2, long), (2, long), (3, "fine")]
    let answer = try await hub.push(hub.stream("{\"app\":\"x\"}", wrong))
    #expect(answer.status == 400)
    #expect(answer.text.contains("has timestamp too old"))
    #expect(answer.text.contains("has timestamp too new") && answer.text.contains("2 errors like: max entry size"))
    #expect(hub.lines == ["fine"])
    let behind = try await hub.push("{\"app\":\"x\"}", (-2 * hour, "behind"), (hour, "new"))
    #expect(behind.text.contains("total ignored: 1 out of 1"), "the other one never got that far")
    await hub.client.stop()
  }

  @Test func `an answer does not grow with what is wrong`() async throws {
    let hub = try await Pushes()
    let labels = "{\"app\":\"\(String(repeating: "x", count: 2000))\"}"
    let answer = try await hub.push(hub.stream(labels, (0..<5000).map { (-169 * hour - $0 * 1_000_000_000, "old") }))
    #expect(answer.status == 400 && answer.text.utf8.count < 100_000)
    #expect(answer.text.contains("1 errors like") && answer.text.contains("4981 errors like"))
    await hub.client.stop()
  }

  @Test func `a line that comes again is counted, not kept, wherever it stood`() async throws {
    let hub = try await Pushes()
    for _ in 0..<3 { #expect(try await hub.push("{\"app\":\"x\"}", (0, "same"), (1, "other")).status == 204) }
    #expect(try await hub.push("{\"app\":\"y\"}", (0, "same")).status == 204)
    #expect(hub.lines == ["same", "other", "same"])
    #expect(hub.client.hub.snapshot().duplicateLines == 4)
    await hub.client.stop()
  }

  @Test func `a stream needs a label, a push a stream, a time a string`() async throws {
    let hub = try await Pushes()
    #expect(try await hub.push("{}", (0, "x")).status == 400)
    #expect(try await hub.client.push(json: "{\"streams\":[]}").status == 422)
    let number = "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[1,\"x\"]]}]}"
    #expect(try await hub.client.push(json: number).status == 400)
    #expect(try await hub.client.push(json: "{").status == 400)
    #expect(hub.lines.isEmpty)
    await hub.client.stop()
  }

  @Test func `labels beyond Loki's limits cost the stream, not its neighbours`() async throws {
    let hub = try await Pushes()
    let many = (0...15).map { "\"l\($0)\":\"x\"" }.joined(separator: ",")
    let name = String(repeating: "n", count: 1025)
    let value = String(repeating: "v", count: 2049)
    for (labels, reason) in [
      ("{\(many)}", "has 16 label names; limit 15"), ("{\"\(name)\":\"x\"}", "label name too long"),
      ("{\"a\":\"\(value)\"}", "label value too long"), ("{\"a\":\"\"}", "at least one label pair"),
    ] {
      let answer = try await hub.push(hub.stream(labels, (0, "lost")), hub.stream("{\"app\":\"x\"}", (0, "kept")))
      #expect(answer.status == 400 && answer.text.contains(reason))
    }
    #expect(hub.lines == ["kept"])
    await hub.client.stop()
  }

  @Test func `structured metadata have their bounds`() async throws {
    let hub = try await Pushes()
    let big = "{\"k\":\"\(String(repeating: "x", count: 64 << 10))\"}"
    let many = "{\((0...128).map { "\"k\($0)\":\"\"" }.joined(separator: ","))}"
    for (metadata, reason) in [(big, "structured metadata too large"), (many, "too many structured metadata labels")] {
      let values = "[[\"\(hub.now)\",\"x\",\(metadata)],[\"\(hub.now)\",\"y\",{\"k\":\"v\"}]]"
      let answer = try await hub.client.push(
        json: "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":\(values)}]}")
      #expect(answer.status == 400 && answer.text.contains(reason))
    }
    #expect(hub.client.hub.streams().flatMap(\.entries).map(\.metadata) == [[Label("k", "v")]])
    await hub.client.stop()
  }
}

@Suite struct HubPushLimitTests {
  @Test func `only what became of the last stream is answered, unless the hub is told to be honest`() async throws {
    for masks in [true, false] {
      var limits = StreamLimits()
      limits.masksErrors = masks
      let hub = try await Pushes(limits)
      for app in ["a", "b"] { _ = try await hub.push("{\"app\":\"\(app)\"}", (0, "now")) }
      let behind = hub.stream("{\"app\":\"a\"}", (-7_200_000_000_000, "behind"))
      let fine = hub.stream("{\"app\":\"b\"}", (1, "fine"))
      #expect(try await hub.push(behind, fine).status == (masks ? 204 : 400))
      #expect(try await hub.push(fine, behind).status == 400)
      #expect(hub.lines == ["now", "now", "fine"])
      await hub.client.stop()
    }
  }

  @Test func `over a stream's rate its lines are refused and those of others taken`() async throws {
    var limits = StreamLimits()
    limits.streamBytesPerSecond = 1
    limits.streamBurstBytes = 10
    let hub = try await Pushes(limits)
    let answer = try await hub.push(
      hub.stream("{\"app\":\"b\"}", (0, "fits")), hub.stream("{\"app\":\"a\"}", (0, "too much at once")))
    #expect(answer.status == 429 && answer.text.contains("Per stream rate limit exceeded"))
    #expect(hub.lines == ["fits"])
    await hub.client.stop()
  }

  @Test func `over the tenant's rate nothing is taken`() async throws {
    var limits = StreamLimits()
    limits.tenantBytesPerSecond = 1
    limits.tenantBurstBytes = 10
    let hub = try await Pushes(limits)
    let answer = try await hub.push(
      hub.stream("{\"app\":\"b\"}", (0, "fits")), hub.stream("{\"app\":\"a\"}", (0, "not both")))
    #expect(answer.status == 429 && answer.text.contains("ingestion rate limit exceeded for user"))
    #expect(hub.lines.isEmpty)
    await hub.client.stop()
  }

  @Test func `a stream too many is refused for as long as it lasts`() async throws {
    var limits = StreamLimits()
    limits.maxStreams = 1
    let hub = try await Pushes(limits)
    #expect(try await hub.push("{\"app\":\"a\"}", (0, "one")).status == 204)
    let answer = try await hub.push("{\"app\":\"b\"}", (0, "two"))
    #expect(answer.status == 429 && answer.text.contains("maximum active stream limit exceeded"))
    #expect(try await hub.push("{\"app\":\"a\"}", (1, "three")).status == 204)
    await hub.client.stop()
  }

  @Test func `tenants have streams of their own, and a push without one is refused`() async throws {
    let hub = try await Pushes(tenants: true)
    let json = "{\"streams\":[\(hub.stream("{\"app\":\"x\"}", (0, "line")))]}"
    for tenant in ["a", "b"] {
      let headers: Headers = ["Content-Type": "application/json", "X-Scope-OrgID": tenant]
      let status = try await hub.client.send("POST", "/loki/api/v1/push", headers: headers, body: Array(json.utf8))
        .status
      #expect(status == 204)
    }
    #expect(try await hub.client.push(json: json) == (401, "no org id\n"))
    #expect(hub.client.hub.streams().map(\.tenant) == ["a", "b"])
    await hub.client.stop()
  }

  @Test func `a window that is full forgets lines, and takes them anew when they come again`() async throws {
    var options = HubOptions()
    options.windowBytes = 3 * (128 + 1)
    let client = try await HubClient(options)
    for line in ["1", "2", "3", "4", "4", "1"] {
      let time = "\(HubClient.now * 1_000_000)"
      _ = try await client.push(
        json: "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"\(time)\",\"\(line)\"]]}]}")
    }
    #expect(client.hub.streams().flatMap { $0.entries.map(\.text) } == ["3", "4", "1"])
    #expect(client.hub.snapshot().evictedLines == 2 && client.hub.snapshot().duplicateLines == 1)
    await client.stop()
  }
}
