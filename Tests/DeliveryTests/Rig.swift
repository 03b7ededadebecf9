// SPDX-License-Identifier: Apache-2.0

import Delivery
import HTTP
import Hub
import Linux
import Queue
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

/// A real queue in a directory of its own, a sender, and a hub on loopback.
final class Rig {
  let directory: TemporaryDirectory
  let network = Network()
  let hub: EmbeddedHub
  let client: HTTPClient
  let lines: LogLines
  private let log: Log
  let start = wallClockMilliseconds() - 60_000
  private(set) var queue: WriteAheadQueue
  private(set) var sender: Sender
  private var run: Task<Void, Never>?
  private let senderOptions: SenderOptions
  private var endpoint: Endpoint

  /// Waits as short as can be, so that tests are quick; nothing is sent until `run`.
  static var quick: SenderOptions {
    var options = SenderOptions()
    options.limits.shortestBackoff = .milliseconds(1)
    options.limits.longestBackoff = .milliseconds(20)
    options.limits.shortestHold = .milliseconds(2)
    options.limits.longestHold = .milliseconds(20)
    options.grace = .seconds(10)
    return options
  }

  init(
    hub hubOptions: HubOptions = HubOptions(), sender options: SenderOptions = Rig.quick,
    timeout: Duration = .seconds(30),
    headers: [Headers.Field] = [], dialect: RetryPolicy.Dialect = .remoteWrite, tenant: String = ""
  ) async throws {
    lines = LogLines()
    log = lines.log
    directory = try TemporaryDirectory()
    hub = try await EmbeddedHub.start(on: network, options: hubOptions)
    client = try HTTPClient(on: network)
    endpoint = Endpoint(
      url: HTTPURL(
        .http, host: "127.0.0.1", port: hub.port, path: dialect == .loki ? "/loki/api/v1/push" : "/api/v1/write"),
      dialect: dialect, version: "1.2.3", headers: headers, tenant: tenant, timeout: timeout)
    senderOptions = options
    queue = try Self.open(directory, log)
    sender = Sender(endpoint: endpoint, queue: queue, client: client, options: options, log: log)
  }

  private static func open(_ directory: TemporaryDirectory, _ log: Log) throws -> WriteAheadQueue {
    try WriteAheadQueue(directory: directory.path("queue"), options: QueueOptions(overflow: .dropOldest), log: log)
  }

  func runSender() {
    let sender = self.sender
    run = Task { await sender.run() }
  }

  func stopSender() async {
    run?.cancel()
    await run?.value
    run = nil
  }

  /// A new process, as far as the queue can tell: everything is closed, opened and made again.
  func restart(port: Int? = nil) async throws {
    if let port { endpoint.url.port = port }
    await stopSender()
    await queue.close()
    queue = try Self.open(directory, log)
    sender = Sender(endpoint: endpoint, queue: queue, client: client, options: senderOptions, log: log)
  }

  func stop() async {
    await stopSender()
    await queue.close()
    await hub.stop()
    await client.close()
    await network.shutdown()
  }

  /// A sender of the metadata of this rig's endpoint.
  func metadataSender(_ options: MetadataSender.Options) -> MetadataSender {
    MetadataSender(endpoint: endpoint, client: client, sender: sender, options: options)
  }

  /// Appends one block: a scrape at `step` of the series `s0…`, each with the value `step`.
  func scrape(_ step: Int, series: Int, changing change: (Int) -> Int64? = { _ in nil }) async throws {
    var encoder = RemoteWriteEncoder()
    let times = (0..<series).map { change($0) ?? time(step) }
    for (index, time) in times.enumerated() {
      encoder.add(
        packedLabels: Self.labels(index).packed.span, valueBits: Double(step).bitPattern, timestampMilliseconds: time)
    }
    var payload: [UInt8] = []
    encoder.finish(snappy: &payload)
    try await queue.append([
      Block(
        kind: 1, items: series, minTimestampMilliseconds: times.min() ?? 0, maxTimestampMilliseconds: times.max() ?? 0,
        payload: payload)
    ])
  }

  /// Sends one sample of one series past the queue, as another agent would.
  func pushBeside(step: Int, series index: Int) async throws {
    var encoder = RemoteWriteEncoder()
    encoder.add(
      packedLabels: Self.labels(index).packed.span, valueBits: Double(step).bitPattern,
      timestampMilliseconds: time(step))
    var payload: [UInt8] = []
    encoder.finish(snappy: &payload)
    let headers: Headers = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]
    let request = HTTPRequest("POST", endpoint.url, headers: headers, body: payload)
    let response = try await client.send(request, timeout: .seconds(30), bodyLimit: 1024)
    #expect((200..<300).contains(response.status))
  }

  /// Lines of one stream, each with its time in milliseconds after the rig's start.
  struct Lines {
    var app = "rig"
    var tenant = ""
    var entries: [(Int, String)]
  }

  /// Appends one block of lines of the stream `app="rig"`.
  func push(_ entries: (Int, String)...) async throws { try await push([Lines(entries: entries)]) }

  /// Appends one block of lines of several streams.
  func push(_ streams: [Lines]) async throws {
    var encoder = PushEncoder()
    for stream in streams {
      encoder.beginStream(
        packedLabels: LabelSet([Label("app", stream.app)]).packed.span, tenant: Array(stream.tenant.utf8).span)
      for (time, line) in stream.entries {
        encoder.add(timestampNanoseconds: self.time(time) * 1_000_000, line: Array(line.utf8).span)
      }
    }
    let times = streams.flatMap(\.entries).map { time($0.0) }
    var payload: [UInt8] = []
    let kind = encoder.finish(into: &payload)
    try await queue.append([
      Block(
        kind: kind, items: encoder.entryCount, minTimestampMilliseconds: times.min() ?? 0,
        maxTimestampMilliseconds: times.max() ?? 0, payload: payload)
    ])
  }

  /// The lines the hub has of the stream `app`, in the order they came.
  func received(_ app: String = "rig", tenant: String = "") -> [String] {
    hub.streams().filter { $0.labels["app"] == app && $0.tenant == tenant }.flatMap { $0.entries.map(\.text) }
  }

  static func labels(_ index: Int) -> LabelSet {
    LabelSet([
      Label("__name__", "s\(index)"), Label("instance", "rig:9100"), Label("job", "node"), Label("n", "\(index)"),
    ])
  }

  func time(_ step: Int) -> Int64 { start + Int64(step) }

  /// The steps the hub has of series `index`, in the order they came.
  func steps(_ index: Int) -> [Int] { hub.series(Self.labels(index))?.samples.map { Int($0.value) } ?? [] }

  /// Waits until nothing is pending, and checks that nothing is unaccounted for.
  func drained(sourceLocation: SourceLocation = #_sourceLocation) async -> QueueStatistics {
    await eventually("the queue is empty", sourceLocation: sourceLocation) { await self.queue.statistics.pending == 0 }
    let statistics = await queue.statistics
    let left = statistics.acknowledged + statistics.rejected + statistics.droppedTotal + statistics.pending
    #expect(statistics.enqueued == left, sourceLocation: sourceLocation)
    return statistics
  }
}

/// What a sender told the operator.
final class LogLines: Sendable {
  private let texts = Mutex<[String]>([])
  let log: Log

  init() {
    let sink = LogSink(descriptor: -1)
    log = Log(to: sink)
    sink.listen { [weak self] line in self?.texts.withLock { $0.append(line.text) } }
  }

  func count(_ text: String) -> Int { texts.withLock { $0.count { $0.contains(text) } } }
}
