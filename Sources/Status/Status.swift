// SPDX-License-Identifier: Apache-2.0

// Status: what the agent says about itself: over HTTP, in its own metrics, to systemd and to the journal.

public import HTTP
internal import Linux
public import Runtime
internal import Synchronization
internal import Telemetry

/// The agent's HTTP server: `/metrics`, `/-/ready`, `/-/healthy`, `/-/reload`.
public final class StatusServer: Sendable {
  private let controller: Controller
  private let metrics: SelfMetrics
  private let settings = Mutex(Settings())
  private let ready = Atomic(false)
  private let stuck = Mutex<[String]>([])
  private let server = Mutex<HTTPServer?>(nil)

  /// A server that is not listening yet.
  public init(controller: Controller, metrics: SelfMetrics) {
    self.controller = controller
    self.metrics = metrics
  }

  /// Begins to listen, with what `settings` say of passwords and TLS in force from the first connection on.
  public func start(
    host: String, port: Int, settings: Settings = Settings(), on network: Network
  ) async throws(ListenError) {
    apply(settings)
    let tls = settings.httpTLS.map { ServerTLSOptions($0) }
    let started = try await HTTPServer.start(host: host, port: port, on: network, tls: tls) { [weak self] request in
      await self?.answer(request) ?? ServerResponse(status: 503, text: "stopping\n")
    }
    server.withLock { $0 = started }
  }

  /// The port it listens on; 0 before it does.
  public var port: Int { server.withLock { $0?.port ?? 0 } }

  /// Stops listening.
  public func stop() async { await server.withLock { $0 }?.stop() }

  /// Takes the settings of a configuration that is put to work; how TLS is spoken stays as it was at the start.
  public func apply(_ settings: Settings) { self.settings.withLock { $0 = settings } }

  /// Says that the first configuration runs.
  public func becomeReady() { ready.store(true, ordering: .relaxed) }

  /// Says which parts have not answered for long; it is not ready until there are none.
  public func report(stuck: [String]) { self.stuck.withLock { $0 = stuck } }

  private func answer(_ request: ServerRequest) async -> ServerResponse {
    let settings = settings.withLock { $0 }
    guard isAllowed(request, settings) else {
      return ServerResponse(
        status: 401, headers: ["WWW-Authenticate": "Basic realm=\"Spoke\"", "Content-Type": "text/plain"],
        body: Array("this path needs the user and password of the http block\n".utf8))
    }
    switch (request.method, request.path) {
    case ("GET", "/metrics"), ("HEAD", "/metrics"): return await metricsPage()
    case ("GET", "/-/ready"), ("HEAD", "/-/ready"): return readiness()
    case ("GET", "/-/healthy"), ("HEAD", "/-/healthy"): return await health()
    case ("GET", "/-/reload"), ("POST", "/-/reload"): return await reload()
    case (_, "/metrics"), (_, "/-/ready"), (_, "/-/healthy"): return refuseMethod(request, allowed: "GET, HEAD")
    case (_, "/-/reload"): return refuseMethod(request, allowed: "GET, POST")
    default:
      return ServerResponse(
        status: 404, text: "there is nothing here; try /metrics, /-/ready, /-/healthy or (POST) /-/reload\n")
    }
  }

  private func refuseMethod(_ request: ServerRequest, allowed: String) -> ServerResponse {
    var response = ServerResponse(status: 405, text: "\(request.method) is not for this path\n")
    response.headers["Allow"] = allowed
    return response
  }

  private func metricsPage() async -> ServerResponse {
    let batch = await metrics.collectAll(into: SeriesBatch())
    var body: [UInt8] = []
    writeExposition(batch, to: &body)
    return ServerResponse(headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"], body: body)
  }

  private func readiness() -> ServerResponse {
    guard ready.load(ordering: .relaxed) else { return ServerResponse(status: 503, text: "Spoke is not ready.\n") }
    let stuck = stuck.withLock { $0 }
    guard stuck.isEmpty else {
      return ServerResponse(status: 503, text: "no answer from: \(stuck.joined(separator: ", "))\n")
    }
    return ServerResponse(text: "Spoke is ready.\n")
  }

  private func health() async -> ServerResponse {
    let unhealthy = await controller.statuses.filter {
      if case .unhealthy = $0.health { true } else { false }
    }
    guard !unhealthy.isEmpty else { return ServerResponse(text: "All components are healthy.\n") }
    let reasons = unhealthy.map { status in
      guard case .unhealthy(let reason) = status.health else { return status.id }
      return "\(status.id): \(reason)"
    }
    return ServerResponse(
      status: 500,
      text: "unhealthy components: \(unhealthy.map(\.id).joined(separator: ", "))\n\(reasons.joined(separator: "\n"))\n"
    )
  }

  private func reload() async -> ServerResponse {
    guard await controller.hasStarted else {
      return ServerResponse(status: 503, text: "the first configuration is still being put to work\n")
    }
    do throws(ConfigurationError) {
      try await controller.reload()
      return ServerResponse(text: "config reloaded\n")
    } catch {
      if case .stopping = error { return ServerResponse(status: 503, text: "the agent is stopping\n") }
      return ServerResponse(status: 400, text: "\(error)\nthe configuration that was running goes on\n")
    }
  }

  private func isAllowed(_ request: ServerRequest, _ settings: Settings) -> Bool {
    guard let user = settings.httpUser else { return true }
    let matches = settings.httpAuthPaths.contains { request.path.hasPrefix($0) }
    let needsPassword = settings.httpAuthPaths.isEmpty || matches == settings.httpAuthMatchingPaths
    return !needsPassword || request.hasBasicCredentials(username: user.name, password: user.password)
  }
}

extension ServerTLSOptions {
  fileprivate init(_ settings: ServerTLSSettings) {
    self.init(
      certificate: Material(settings.certificate), key: Material(settings.key),
      clientCA: settings.clientCA.map { Material($0) },
      clientAuthentication: ClientAuthentication(rawValue: settings.clientAuthentication) ?? .requireAndVerify,
      minVersion: TLSOptions.Version(rawValue: settings.minVersion) ?? .tls12)
  }
}

extension Material {
  fileprivate init(_ settings: ServerTLSSettings.Material) {
    switch settings {
    case .text(let text): self = .text(text)
    case .file(let path): self = .file(path)
    }
  }
}
