// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Synchronization
import Syntax
import Telemetry
import TestSupport
import Testing

@testable import Components

/// `loki.process` in a running configuration, between a source and a destination of these tests.
@Suite struct LokiProcessTests {
  private static let multiline = """
    stage.multiline {
      firstline     = "^\\\\["
      max_wait_time = "20ms"
    }
    """
  private static let patient = multiline.replacing("20ms", with: "1h")

  @Test func `an origin has to ask first, and its batches carry the way they took`() async throws {
    let line = try await LogsLine("stage.drop { expression = \"noise\" }")
    await #expect(throws: UnknownOrigin(origin: "source")) { try await line.send("source", ["x"]) }
    #expect(try await line.begin("source").map(\.id) == ["sink"])
    #expect(line.sink.asked == [["before", "loki.process.test"]])
    try await line.send("source", ["text", "noise"])
    #expect(line.sink.lines == ["text"])
    #expect(line.sink.positions == ["file": "3"])
    #expect(line.sink.routes == [["before", "loki.process.test"]])
    #expect(await line.metric("loki_process_dropped_lines_total", "drop_stage") == 1)
    await line.stop()
  }

  @Test func `a block leaves when no line came for a while`() async throws {
    let line = try await LogsLine(Self.multiline)
    _ = try await line.begin("source")
    try await line.send("source", ["[1]", " more"])
    await eventually("the block leaves") { line.sink.lines == ["[1]\n more"] }
    #expect(line.sink.positions == ["file": "2"])
    await eventually("nothing is kept") { await line.metric("spoke_process_held_entries") == 0 }
    await line.stop()
  }

  @Test func `an origin whose block could not be handed on asks again`() async throws {
    let line = try await LogsLine(Self.multiline)
    _ = try await line.begin("source")
    _ = try await line.begin("other")
    line.sink.isBroken = true
    try await line.send("source", ["[1]"])
    await eventually("the block was tried") { line.sink.refused > 0 }
    line.sink.isBroken = false
    await eventually("the origin is unknown") {
      do {
        try await line.send("source", ["x"])
        return false
      } catch { return error is UnknownOrigin }
    }
    try await line.send("other", ["passes"])
    _ = try await line.begin("source")
    try await line.send("source", ["[1]"])
    await eventually("the block arrives after all") { line.sink.lines.last == "[1]" }
    await line.stop()
  }

  @Test func `a batch that fails is thrown back, and its origin begins again`() async throws {
    let line = try await LogsLine(Self.patient)
    _ = try await line.begin("source")
    line.sink.isBroken = true
    await #expect(throws: SinkError.self) { try await line.send("source", ["a", "[1]"]) }
    line.sink.isBroken = false
    await #expect(throws: UnknownOrigin.self) { try await line.send("source", ["b"]) }
    #expect(await line.metric("spoke_process_held_entries") == 0)
    await line.stop()
  }

  @Test func `a stop hands on what nobody can read again, and only that`() async throws {
    let line = try await LogsLine(Self.patient)
    _ = try await line.begin("source")
    try await line.send("source", ["[read again]"])
    try await line.send("", ["[for ever]", " gone"])
    #expect(await line.metric("spoke_process_held_entries") == 3)
    await line.stop()
    #expect(line.sink.lines == ["[for ever]\n gone"])
  }

  @Test func `a reload makes origins ask again`() async throws {
    let line = try await LogsLine(Self.patient)
    _ = try await line.begin("source")
    try await line.send("source", ["[1]"])
    try await line.reload("stage.cri { }")
    await #expect(throws: UnknownOrigin.self) { try await line.send("source", ["x"]) }
    _ = try await line.begin("source")
    try await line.send("source", ["x"])
    #expect(line.sink.lines == ["x"])
    await line.stop()
  }

  @Test func `a rate holds back whoever sends, and a stop does not wait for it`() async throws {
    let line = try await LogsLine("stage.limit { rate = 0.001\nburst = 1 }")
    _ = try await line.begin("source")
    let sender = Task { try await line.send("source", ["1", "2", "3"]) }
    await eventually("the first has come through") { line.sink.lines == ["1"] }
    #expect(line.sink.positions == ["file": "1"])
    await line.stop()
    // It waits for the component after this one now, as what sends does while there is a reload.
    sender.cancel()
    await #expect(throws: CancellationError.self) { try await sender.value }
    #expect(line.sink.lines == ["1"])
  }

  @Test func `batches of several origins at once each keep their order`() async throws {
    let line = try await LogsLine(
      """
      stage.multiline {
        firstline     = "^\\\\["
        max_wait_time = "1ms"
      }
      """)
    let origins = (0..<8).map { "origin \($0)" }
    for origin in origins { _ = try await line.begin(origin) }
    await withTaskGroup(of: Void.self) { group in
      for origin in origins {
        group.addTask {
          for number in 0..<50 {
            do { try await line.send(origin, ["[\(origin)] \(number)"]) } catch { Issue.record(error) }
          }
        }
      }
    }
    await eventually("all blocks have left") { line.sink.lines.count == 400 }
    for origin in origins {
      let own = line.sink.lines.filter { $0.hasPrefix("[\(origin)]") }
      #expect(own == (0..<50).map { "[\(origin)] \($0)" })
    }
    await line.stop()
  }

  @Test func `stages of the acceptance set are understood`() async throws {
    let line = try await LogsLine(
      """
      stage.cri { }
      stage.match {
        selector = "{app=\\"web\\"}"
        stage.label_drop { values = ["filename"] }
        stage.static_labels { values = { kind = "access" } }
      }
      stage.tenant { label = "app" }
      """)
    _ = try await line.begin("source")
    try await line.send("source", ["2026-11-23T12:38:51Z stdout F hello"])
    #expect(line.sink.lines == ["hello"])
    #expect(line.sink.labels == ["{__tenant_id__=\"web\",app=\"web\",kind=\"access\",stream=\"stdout\"}"])
    await line.stop()
  }
}

/// A configuration of a source, a `loki.process` and a destination.
private final class LogsLine: Sendable {
  let sink = Sink()
  private let directory: TemporaryDirectory
  private let controller: Controller
  private let outlet = Outlet()
  private let sent = Mutex<[String: Int]>([:])

  init(_ stages: String) async throws {
    directory = try TemporaryDirectory()
    controller = Controller(
      ConfigurationSource(path: directory.path("config.alloy")), kinds: [LokiProcess.kind, sink.kind, outlet.kind],
      options: .init(storagePath: directory.path("state")), log: Log(to: LogSink(descriptor: -1)),
      applySettings: { _ in })
    try write(stages)
    try await controller.start()
  }

  private func write(_ stages: String) throws {
    let text = """
      test.source "source" { forward_to = [loki.process.test.receiver] }
      loki.process "test" {
        forward_to = [test.sink.sink.receiver]
        \(stages)
      }
      test.sink "sink" { }
      """
    try replaceFile(directory.path("config.alloy"), with: Array(text.utf8).span)
  }

  func reload(_ stages: String) async throws {
    try write(stages)
    try await controller.reload()
  }

  func stop() async { await controller.stop() }

  func begin(_ origin: String) async throws -> [LogDestination] {
    try await outlet.receiver.positions(of: origin, route: ["before"])
  }

  func send(_ origin: String, _ lines: [String]) async throws {
    var batch = LogBatch(origin: origin)
    batch.route = ["before"]
    batch.labelSets = [LabelSet([Label("app", "web"), Label("filename", "f")])]
    if !origin.isEmpty { batch.sources = [.init(name: Array("file".utf8))] }
    let first = sent.withLock { sent in
      defer { sent[origin, default: 0] += lines.count }
      return sent[origin] ?? 0
    }
    for (index, line) in lines.enumerated() {
      batch.append(
        line: Array(line.utf8).span, timestampNanoseconds: 0, labels: 0, source: origin.isEmpty ? -1 : 0,
        position: Array("\(first + index + 1)".utf8).span)
    }
    if !origin.isEmpty { batch.sources[0].position = Array("\(first + lines.count)".utf8) }
    try await outlet.receiver.receive(batch)
  }

  func metric(_ name: String, _ reason: String? = nil) async -> Double? {
    let batch = await controller.collectMetrics(into: SeriesBatch())
    return batch.rows.indices.first { row in
      let set = batch.labels(at: row)
      return set["__name__"] == name && (reason == nil || set["reason"] == reason)
    }.map { Double(bitPattern: batch.rows[$0].valueBits) }
  }
}

/// The component tests send with.
private final class Outlet: Sendable {
  private let inlet = Mutex<LogsInlet?>(nil)

  var receiver: LogsInlet {
    inlet.withLock {
      guard let inlet = $0 else { fatalError("the configuration has no source") }
      return inlet
    }
  }

  var kind: ComponentKind {
    ComponentKind("test.source") { block, _ in
      let receivers = block.required("forward_to", .logsReceivers)
      self.inlet.withLock { $0 = receivers.first }
      return Idle()
    }
  }

  private final class Idle: Component {
    func run() async throws { await untilCancelled() }
  }
}

private struct SinkError: Error {}

/// The component tests look into.
private final class Sink: LogsReceiver {
  private struct State {
    var isBroken = false
    var refused = 0
    var batches: [LogBatch] = []
    var asked: [[String]] = []
  }

  private let state = Mutex(State())

  var isBroken: Bool {
    get { state.withLock { $0.isBroken } }
    set { state.withLock { $0.isBroken = newValue } }
  }
  var refused: Int { state.withLock { $0.refused } }
  var asked: [[String]] { state.withLock { $0.asked } }
  var routes: [[String]] { state.withLock { $0.batches.map(\.route) } }
  var lines: [String] {
    state.withLock {
      $0.batches.flatMap { batch in batch.entries.map { String(decoding: batch.bytes[$0.line], as: UTF8.self) } }
    }
  }
  var labels: [String] {
    state.withLock { $0.batches.flatMap { batch in batch.entries.map { batch.labelSets[Int($0.labels)].description } } }
  }
  var positions: [String: String] {
    state.withLock {
      var positions: [String: String] = [:]
      for source in $0.batches.flatMap(\.sources) {
        guard let position = source.position else { continue }
        positions[String(decoding: source.name, as: UTF8.self)] = String(decoding: position, as: UTF8.self)
      }
      return positions
    }
  }

  func receive(_ batch: LogBatch) async throws {
    await Task.yield()
    try state.withLock {
      guard !$0.isBroken else {
        $0.refused += 1
        throw SinkError()
      }
      $0.batches.append(batch)
    }
  }

  func positions(of origin: String, route: [String]) async throws -> [LogDestination] {
    state.withLock {
      $0.asked.append(route)
      return [LogDestination(id: "sink")]
    }
  }

  var kind: ComponentKind {
    ComponentKind("test.sink") { _, context in Running(sink: self, context: context) }
  }

  private final class Running: Component {
    private let sink: Sink
    private let context: ComponentContext

    init(sink: Sink, context: ComponentContext) {
      self.sink = sink
      self.context = context
    }

    var exports: [String: Value] { ["receiver": context.logsReceiverExport] }

    func run() async throws {
      context.logsInlet.open(sink)
      await untilCancelled()
    }
  }
}
