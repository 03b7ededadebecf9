// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import Runtime
import Synchronization
import Telemetry
import TestSupport
import Testing

/// From a door to a hub for logs.
@Suite struct LokiWriteTests {
  private let now = wallClockNanoseconds()

  private static let plain = """
    test.logs "app" { forward_to = [loki.write.hub.receiver] }
    loki.write "hub" {
      endpoint { url = "LOKI" }
    }

    """

  private func start(_ text: String, queueBytes: Int64 = 512 << 20) async throws -> Pipeline {
    let pipeline = try await Pipeline(text, queueBytes: queueBytes)
    try await pipeline.controller.start()
    await eventually("the door is there") { pipeline.doors["app"] != nil }
    return pipeline
  }

  private func texts(_ hub: EmbeddedHub) -> [String] { hub.streams().flatMap { $0.entries.map(\.text) } }

  private func lines(_ range: ClosedRange<Int>) -> [String] { range.map { "line \($0)" } }

  /// Batches of now: the hub takes no lines of a week ago.
  private func batch(
    _ range: ClosedRange<Int>, labels: [String: String] = ["app": "a"], more: Bool = true, audience: Set<String>? = nil,
    origin: String = "test.logs.app"
  ) -> LogBatch {
    var batch = logBatch(range, origin: origin, labels: labels, more: more, audience: audience)
    for index in batch.entries.indices {
      batch.entries[index].timestampNanoseconds = now + Int64(index + range.lowerBound)
    }
    return batch
  }

  @Test func `lines arrive in order with external labels where there are none, and without internal ones`() async throws
  {
    let pipeline = try await start(
      Self.plain.replacing(
        "loki.write \"hub\" {",
        with: """
          loki.write "hub" {
            external_labels = { cluster = "home", app = "never" }
          """))
    let door = try #require(pipeline.doors["app"])
    #expect(try await door.positions(of: "test.logs.app").map(\.position) == [nil])
    try await door.receive(batch(1...3, labels: ["app": "a", "__path__": "/x"]))
    try await door.receive(batch(4...6, labels: ["app": "a", "__path__": "/y"]))
    await eventually("all arrive") { texts(pipeline.hub).count == 6 }
    let stream = try #require(pipeline.hub.streams().first)
    #expect(pipeline.hub.streams().count == 1)
    #expect(stream.labels == LabelSet(["app": "a", "cluster": "home"]))
    #expect(stream.entries.map(\.text) == lines(1...6))
    #expect(stream.entries.map(\.timestampNanoseconds) == (1...6).map { now + $0 })
    await pipeline.stop()
  }

  @Test func `a source learns where it stands, also after a restart, once lines are durable`() async throws {
    let pipeline = try await start(Self.plain)
    pipeline.hub.inject(.status(503), count: 1000)
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    try await door.receive(batch(1...3))
    #expect(try await door.positions(of: "test.logs.app").map(\.position) == ["at 3"])
    #expect(try await door.positions(of: "test.logs.ap").map(\.position) == [nil])
    let text = Self.plain.replacing("{ url", with: "{ batch_wait = \"10ms\"\n url")
    try pipeline.write(text)
    try await pipeline.controller.reload()
    await #expect(throws: UnknownOrigin(origin: "test.logs.app")) { try await door.receive(batch(4...5)) }
    #expect(try await door.positions(of: "test.logs.app").map(\.position) == ["at 3"])
    try await door.receive(batch(4...5))
    pipeline.hub.clearFaults()
    await eventually("each line arrives once") { texts(pipeline.hub) == lines(1...5) }
    await pipeline.stop()
  }

  @Test func `what nothing is left of moves the position on`() async throws {
    let pipeline = try await start(
      Self.plain.replacing("[loki.write.hub.receiver]", with: "[loki.relabel.all.receiver]") + """
        loki.relabel "all" {
          forward_to = [loki.write.hub.receiver]
          rule {
            source_labels = ["app"]
            regex         = "b"
            action        = "drop"
          }
          rule {
            target_label = "via"
            replacement  = "relabel"
          }
        }
        """)
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    try await door.receive(batch(1...3, labels: ["app": "b"]))
    #expect(try await door.positions(of: "test.logs.app").map(\.position) == ["at 3"])
    try await door.receive(batch(4...4))
    await eventually("the other arrives") { texts(pipeline.hub) == ["line 4"] }
    #expect(pipeline.hub.streams()[0].labels == LabelSet(["app": "a", "via": "relabel"]))
    #expect(await pipeline.metric("loki_relabel_entries_processed") == 4)
    #expect(await pipeline.metric("loki_relabel_entries_written") == 1)
    await pipeline.stop()
  }

  @Test func `a component put between does not make a source begin anew, nor taking it out again`() async throws {
    let direct = Self.plain
    let between =
      Self.plain.replacing("[loki.write.hub.receiver]", with: "[loki.relabel.none.receiver]") + """
        loki.relabel "none" { forward_to = [loki.write.hub.receiver] }
        """
    let pipeline = try await start(direct)
    for (number, text) in [(1, direct), (2, between), (3, direct), (4, between)] {
      let before = pipeline.doors["app"]
      try pipeline.write(text)
      try await pipeline.controller.reload()
      await eventually("the source is made anew") { number == 1 || pipeline.doors["app"] !== before }
      let door = try #require(pipeline.doors["app"])
      let expected = number == 1 ? nil : "at \(number - 1)"
      #expect(try await door.positions(of: "test.logs.app").map(\.position) == [expected])
      try await door.receive(batch(number...number))
    }
    await eventually("each line arrives once") { texts(pipeline.hub) == lines(1...4) }
    await pipeline.stop()
  }

  @Test func `each of two hubs gets what it lacks`() async throws {
    let both = Self.plain.replacing(
      "endpoint { url = \"LOKI\" }",
      with: """
        endpoint { url = "LOKI" }
          endpoint { url = "OTHER" }
        """)
    let pipeline = try await start(both)
    let door = try #require(pipeline.doors["app"])
    var known = try await door.positions(of: "test.logs.app")
    #expect(known.map(\.position) == [nil, nil])
    try await door.receive(batch(1...2, audience: [known[1].id]))
    known = try await door.positions(of: "test.logs.app")
    #expect(known.map(\.position) == [nil, "at 2"])
    try await door.receive(batch(1...2, audience: [known[0].id]))
    try await door.receive(batch(3...4))
    await eventually("the first has all") { texts(pipeline.hub) == lines(1...4) }
    await eventually("the second has all") { texts(pipeline.second) == lines(1...4) }
    await pipeline.stop()
  }

  @Test func `a full queue makes sources wait, who can be stopped, and loses nothing`() async throws {
    let pipeline = try await start(Self.plain, queueBytes: 256 << 10)
    pipeline.hub.inject(.status(503), count: 100_000)
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    let reached = Mutex(0)
    let source = Task {
      for number in 1... {
        // Lines that do not shrink, so that the queue fills.
        var random = SplitMix64(seed: UInt64(number))
        var one = batch(number...number)
        one.bytes = (0..<50_000).map { _ in UInt8.random(in: 0x21...0x7e, using: &random) }
        one.entries[0].line = 0..<50_000
        try await door.receive(one)
        reached.withLock { $0 = number }
      }
    }
    await eventually("it waits") {
      let before = reached.withLock { $0 }
      try? await Task.sleep(for: .milliseconds(300))
      return before > 0 && reached.withLock { $0 } == before
    }
    source.cancel()
    await #expect(throws: CancellationError.self) { try await source.value }
    let number = reached.withLock { $0 }
    pipeline.hub.clearFaults()
    await eventually("what was taken arrives") { texts(pipeline.hub).count >= number }
    let position = try await door.positions(of: "test.logs.app").first?.position
    #expect(position == "at \(texts(pipeline.hub).count)")
    await pipeline.stop()
  }

  @Test func `lines of several sources are gathered into one request`() async throws {
    let pipeline = try await start(Self.plain)
    let door = try #require(pipeline.doors["app"])
    await withTaskGroup { group in
      for source in 1...5 {
        group.addTask {
          do {
            _ = try await door.positions(of: "test.logs.\(source)")
            try await door.receive(
              batch(1...2, labels: ["source": "\(source)"], more: false, origin: "test.logs.\(source)"))
          } catch { Issue.record("\(error)") }
        }
      }
    }
    await eventually("all arrive") { texts(pipeline.hub).count == 10 }
    #expect(pipeline.hub.requests().count == 1)
    #expect(pipeline.hub.streams().count == 5)
    await pipeline.stop()
  }

  @Test func `streams beyond max_streams and lines without labels are left out and counted`() async throws {
    let pipeline = try await start(
      Self.plain.replacing("endpoint", with: "max_streams = 1\n  endpoint"))
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    var mixed = batch(1...3)
    mixed.labelSets = [LabelSet(["app": "a"]), LabelSet(["app": "b"]), LabelSet(["__only__": "internal"])]
    for index in 0..<3 { mixed.entries[index].labels = Int32(index) }
    try await door.receive(mixed)
    await eventually("one arrives") { texts(pipeline.hub) == ["line 1"] }
    #expect(await pipeline.metric("loki_write_dropped_entries_total", ["reason": "stream_limited"]) == 1)
    #expect(await pipeline.metric("loki_write_dropped_entries_total", ["reason": "no_labels"]) == 1)
    #expect(await pipeline.metric("loki_write_dropped_entries_total", ["reason": "ingester_error"]) == 0)
    await pipeline.stop()
  }

  @Test func `a line that is too long for the hub is cut between characters and arrives`() async throws {
    let pipeline = try await start(Self.plain)
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    var long = batch(1...1)
    long.bytes = [0x61] + Array(repeatElement("é", count: 200_000).joined().utf8)
    long.entries[0].line = 0..<long.bytes.count
    try await door.receive(long)
    await eventually("it arrives") { texts(pipeline.hub).count == 1 }
    #expect(texts(pipeline.hub)[0].utf8.count == (256 << 10) - 1)
    #expect(await pipeline.metric("spoke_write_lines_cut_total") == 1)
    await pipeline.stop()
  }

  @Test func `ways that part and meet again are told apart, and lines of other tenants go to them`() async throws {
    let pipeline = try await start(
      Self.plain.replacing("[loki.write.hub.receiver]", with: "[loki.relabel.one.receiver, loki.relabel.two.receiver]")
        .replacing("{ url", with: "{\n tenant_id = \"home\"\n url") + """
          loki.relabel "one" {
            forward_to = [loki.write.hub.receiver]
            rule {
              target_label = "__tenant_id__"
              replacement  = "away"
            }
          }
          loki.relabel "two" {
            forward_to = [loki.write.hub.receiver]
            rule {
              target_label = "way"
              replacement  = "two"
            }
          }
          """)
    let doors = pipeline.doors.all("app")
    func positions() async throws -> [String?] {
      var found: [LogDestination] = []
      for door in doors { found += try await door.positions(of: "test.logs.app", route: [], session: 1) }
      #expect(Set(found.map(\.id)).count == 2)
      return found.map(\.position)
    }
    #expect(try await positions() == [nil, nil])
    try await doors[0].receive(batch(1...2))
    // The second way is new beside a first that stands somewhere: it stands there, too.
    #expect(try await positions() == ["at 2", "at 2"])
    try await doors[1].receive(batch(3...3))
    #expect(try await positions() == ["at 2", "at 3"])
    await eventually("all arrive") { texts(pipeline.hub).count == 3 }
    let tenants = pipeline.hub.requests().map { $0.headers["X-Scope-OrgID"] }
    #expect(tenants == ["away", "home"])
    await pipeline.stop()
  }

  @Test func `a stream that Loki will refuse for its labels is told of once, before it is refused`() async throws {
    let pipeline = try await start(Self.plain)
    let door = try #require(pipeline.doors["app"])
    _ = try await door.positions(of: "test.logs.app")
    let many = Dictionary(uniqueKeysWithValues: (0..<16).map { ("label_\($0)", "x") })
    for number in 1...2 { try await door.receive(batch(number...number, labels: many)) }
    try await door.receive(batch(3...3, labels: ["long": String(repeating: "x", count: 2049)]))
    await eventually("both are refused") {
      await pipeline.metric("loki_write_dropped_entries_total", ["reason": "ingester_error"]) == 3
    }
    let told = pipeline.logged.lines.filter { $0.contains("a stream has") }
    #expect(told.count == 2)
    #expect(told.first?.contains("16 labels; 15 is Loki's max_label_names_per_series") == true)
    #expect(told.last?.contains("2049 bytes in long; 2048 is Loki's max_label_value_length") == true)
    await pipeline.stop()
  }
}
