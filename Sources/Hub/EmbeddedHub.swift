// SPDX-License-Identifier: Apache-2.0

public import HTTP
public import Telemetry
internal import Linux
internal import Synchronization
internal import Wire

/// A hub in this process: `POST /api/v1/write` and `POST /loki/api/v1/push` over HTTP, kept in memory.
///
/// For trying out and for tests. `POST /fault?status=503&count=3` (see `HubFault`) makes it misbehave.
public final class EmbeddedHub: Sendable {
  private struct State {
    var series: SeriesStore
    var streams: StreamStore
    var faults: [(fault: HubFault, path: String?, left: Int)] = []
    var requests = FIFO<HubRequest>()
    var counts: [String: Int] = [:]
    var sampleRate = RateWindow()
    var lineRate = RateWindow()
  }

  private let state: Mutex<State>
  private let options: HubOptions
  private let clockState: Mutex<HubClock>
  private let server = Mutex<HTTPServer?>(nil)

  private init(_ options: HubOptions) {
    self.options = options
    clockState = Mutex(HubClock(aheadSeconds: options.clockAhead.components.seconds))
    var series = SeriesStore.Limits()
    series.windowBytes = options.windowBytes
    series.outOfOrderWindow = options.outOfOrderWindow.components.seconds * 1000
    state = Mutex(
      State(
        series: SeriesStore(limits: series),
        streams: StreamStore(limits: options.streams, windowBytes: options.windowBytes)))
  }

  /// Starts a hub that listens on `host` and `port` (0 for any free one).
  public static func start(
    host: String = "127.0.0.1", port: Int = 0, on network: Network, options: HubOptions = HubOptions()
  ) async throws(ListenError) -> EmbeddedHub {
    let hub = EmbeddedHub(options)
    let limits = ServerLimits(bodyBytes: options.maxBodyBytes, requestTimeout: .seconds(60), stopTimeout: .seconds(1))
    let server = try await HTTPServer.start(host: host, port: port, on: network, limits: limits) {
      [weak hub] request in
      guard let hub else { return .reset }
      return await hub.answer(request)
    }
    hub.server.withLock { $0 = server }
    return hub
  }

  /// The port it listens on; 0 once stopped.
  public var port: Int { server.withLock { $0?.port ?? 0 } }

  /// Stops listening. What was received can still be asked for.
  public func stop() async {
    let server = self.server.withLock { server in
      defer { server = nil }
      return server
    }
    await server?.stop()
  }

  // MARK: What was received

  /// The counts.
  public func snapshot() -> HubSnapshot {
    let second = clock.now / 1_000_000_000
    return state.withLock { state in
      var snapshot = HubSnapshot()
      snapshot.series = state.series.seriesCount
      snapshot.samples = state.series.samplesStored
      snapshot.duplicateSamples = state.series.duplicates
      snapshot.evictedSamples = state.series.evicted
      snapshot.samplesPerSecond = state.sampleRate.perSecond(at: second)
      snapshot.families = state.series.metadata.count
      snapshot.streams = state.streams.streamCount
      snapshot.lines = state.streams.linesStored
      snapshot.duplicateLines = state.streams.duplicates
      snapshot.evictedLines = state.streams.evicted
      snapshot.linesPerSecond = state.lineRate.perSecond(at: second)
      snapshot.requests = state.counts
      return snapshot
    }
  }

  /// The series called `name`, or all, in the order they first came.
  public func series(named name: String? = nil) -> [ReceivedSeries] {
    state.withLock { $0.series.received(name: name) }
  }

  /// The series with exactly these labels.
  public func series(_ labels: LabelSet) -> ReceivedSeries? { state.withLock { $0.series.received(labels) } }

  /// The line that arrived last.
  public func newestLine() -> [UInt8]? { state.withLock { $0.streams.newestLine } }

  /// The log streams, in the order they first came.
  public func streams() -> [ReceivedStream] { state.withLock { $0.streams.received() } }

  /// The metadata of family `name`.
  public func metadata(_ name: String) -> MetricFamily? { state.withLock { $0.series.metadata[name] } }

  /// The last writes and pushes, oldest first.
  public func requests() -> [HubRequest] { state.withLock { Array($0.requests.contents) } }

  // MARK: Faults

  /// Misbehaves at the next `count` writes and pushes, or only at those to `path`, after the faults already asked for.
  public func inject(_ fault: HubFault, count: Int = 1, at path: String? = nil) {
    state.withLock { state in
      guard count > 0, state.faults.count < 1000 else { return }
      state.faults.append((fault, path, count))
    }
  }

  /// At how many more writes and pushes it is to misbehave.
  public var faultsLeft: Int { state.withLock { $0.faults.reduce(0) { $0 + $1.left } } }

  /// Behaves again.
  public func clearFaults() { state.withLock { $0.faults.removeAll() } }

  private func takeFault(at path: String) -> HubFault? {
    state.withLock { state in
      guard let place = state.faults.firstIndex(where: { $0.path == nil || $0.path == path }) else { return nil }
      let fault = state.faults[place].fault
      state.faults[place].left -= 1
      if state.faults[place].left == 0 { state.faults.remove(at: place) }
      return fault
    }
  }

  /// Sets the hub's clock so far ahead of this host's.
  public func setClock(ahead: Duration) { clockState.withLock { $0.aheadSeconds = ahead.components.seconds } }

  private var clock: HubClock { clockState.withLock { $0 } }

  // MARK: Answers

  private func answer(_ request: ServerRequest) async -> ServerResponse {
    var response = await route(request)
    response.headers["X-Spoke-Hub"] = "trial"
    response.headers["Date"] = clock.httpDate
    return response
  }

  private func route(_ request: ServerRequest) async -> ServerResponse {
    switch request.path {
    case "/api/v1/write": await ingest(request) { request throws(Refusal) in try self.write(request) }
    case "/loki/api/v1/push": await ingest(request) { request throws(Refusal) in try self.push(request) }
    case "/fault": injectFault(request)
    case "/-/ready", "/-/healthy", "/ready": ServerResponse(text: "ready: embedded trial hub\n")
    case "/api/v1/series": json("{\"status\":\"success\",\"data\":[\(seriesLabels())]}")
    case "/", "/hub": json(snapshot().json)
    default: ServerResponse(status: 404, text: "the embedded trial hub has no such page\n")
    }
  }

  private func ingest(
    _ request: ServerRequest, _ take: @Sendable (ServerRequest) throws(Refusal) -> Int
  ) async -> ServerResponse {
    guard request.method == "POST" else {
      var response = ServerResponse(status: 405, text: "method not allowed; POST\n")
      response.headers["Allow"] = "POST"
      return response
    }
    let fault = takeFault(at: request.path)
    switch fault {
    case .status(let status, let retryAfter, let body):
      remember(request, items: 0, status: status)
      var response = ServerResponse(status: status, text: body)
      if let retryAfter { response.headers["Retry-After"] = retryAfter }
      return response
    case .webPage:
      remember(request, items: 0, status: 200)
      return ServerResponse(headers: ["Content-Type": "text/html"], body: Array("<html>log in</html>".utf8))
    case .reset, .hang:
      remember(request, items: 0, status: 0)
      return fault == .reset ? .reset : .hang
    case .delay(let delay): try? await Task.sleep(for: delay)
    case .commitThenDrop, nil: break
    }
    do throws(Refusal) {
      let items = try take(request)
      remember(request, items: items, status: fault == .commitThenDrop ? 0 : 204)
      return fault == .commitThenDrop ? .reset : ServerResponse(status: 204)
    } catch {
      remember(request, items: 0, status: error.status)
      return ServerResponse(status: error.status, text: error.text + "\n")
    }
  }

  private func remember(_ request: ServerRequest, items: Int, status: Int) {
    let entry = HubRequest(
      path: request.path, headers: request.headers, bodyBytes: request.body.count, items: items, status: status)
    state.withLock { state in
      state.counts["\(request.path) \(status)", default: 0] += 1
      state.requests.append(entry)
      if state.requests.count > options.maxRequestsRemembered { _ = state.requests.removeFirst() }
    }
  }

  /// Remote write 1.0; the number of samples taken.
  private func write(_ request: ServerRequest) throws(Refusal) -> Int {
    try checkProtobuf(request)
    let body = try uncompressed(request)
    let decoded: WriteRequest
    do throws(WireError) { decoded = try decodeWriteRequest(body.span) } catch { throw Refusal(400, "\(error)") }
    let now = clock.now / 1_000_000
    let items = decoded.series.reduce(0) { $0 + $1.samples.count }
    return try state.withLock { state throws(Refusal) in
      try state.series.write(decoded, now: now)
      state.sampleRate.add(items, at: now / 1000)
      return items
    }
  }

  /// Loki's push; the number of lines taken.
  private func push(_ request: ServerRequest) throws(Refusal) -> Int {
    let tenant = try tenant(of: request)
    let decoded: PushRequest
    if mediaType(request) == "application/json" {
      do throws(WireError) { decoded = try decodePushRequest(json: request.body) } catch {
        throw Refusal(400, "\(error)")
      }
    } else {
      try checkProtobuf(request)
      let body = try uncompressed(request)
      do throws(WireError) { decoded = try decodePushRequest(body.span) } catch { throw Refusal(400, "\(error)") }
    }
    let now = clock.now
    let items = decoded.streams.reduce(0) { $0 + $1.entries.count }
    return try state.withLock { state throws(Refusal) in
      try state.streams.push(decoded, tenant: tenant, now: now)
      state.lineRate.add(items, at: now / 1_000_000_000)
      return items
    }
  }

  private func tenant(of request: ServerRequest) throws(Refusal) -> String {
    guard options.separatesTenants else { return "" }
    guard let tenant = request.headers["X-Scope-OrgID"], !tenant.isEmpty else { throw Refusal(401, "no org id") }
    return tenant
  }

  private func checkProtobuf(_ request: ServerRequest) throws(Refusal) {
    if let encoding = request.headers["Content-Encoding"], encoding.lowercased() != "snappy" {
      throw Refusal(415, "\(encoding) encoding (compression) is not accepted by this server; only snappy is acceptable")
    }
    guard let type = request.headers["Content-Type"] else { return }
    guard mediaType(request) == "application/x-protobuf" else {
      throw Refusal(415, "\(type.prefix(100)) is not accepted by this server; application/x-protobuf is")
    }
    let parameters = type.split(separator: ";").dropFirst()
    let message = parameters.first { $0.hasPrefix("proto=") }.map { $0.dropFirst("proto=".count) }
    guard message == nil || message == "prometheus.WriteRequest" else {
      throw Refusal(415, "\(message ?? "") protobuf message is not accepted by this server; prometheus.WriteRequest is")
    }
  }

  private func mediaType(_ request: ServerRequest) -> String? {
    request.headers["Content-Type"].map { type in String(type.prefix { $0 != ";" && $0 != " " }).lowercased() }
  }

  private func uncompressed(_ request: ServerRequest) throws(Refusal) -> [UInt8] {
    var body: [UInt8] = []
    do throws(WireError) {
      try Snappy.uncompress(request.body.span, limit: options.maxBodyBytes, into: &body)
    } catch .tooLarge(let what, let bytes, let limit) {
      throw Refusal(413, "\(WireError.tooLarge(what: what, bytes: bytes, limit: limit))")
    } catch { throw Refusal(400, "\(error)") }
    return body
  }

  private func injectFault(_ request: ServerRequest) -> ServerResponse {
    guard request.method == "POST" else { return ServerResponse(status: 405, text: "method not allowed; POST\n") }
    guard let fault = HubFault(query: request.query) else {
      return ServerResponse(
        status: 400,
        text: "one of status=N, delay=MILLISECONDS, web-page, reset, hang, commit-then-drop; and count=N, path=P\n"
      )
    }
    let count = request.queryValue("count").flatMap { Int($0) } ?? 1
    inject(fault, count: count, at: request.queryValue("path"))
    return ServerResponse(status: 204)
  }

  private func seriesLabels() -> String {
    state.withLock { $0.series.received(limit: 1000) }.map { series in
      let pairs = series.labels.labels.map { "\(jsonString($0.name)):\(jsonString($0.value))" }
      return "{" + pairs.joined(separator: ",") + "}"
    }.joined(separator: ",")
  }

  private func json(_ text: String) -> ServerResponse {
    ServerResponse(headers: ["Content-Type": "application/json"], body: Array(text.utf8))
  }
}
