// SPDX-License-Identifier: Apache-2.0

import HTTP
import Linux
import Runtime
import Status
import Synchronization
import Syntax
import Telemetry
import TestSupport
import Testing

/// What the agent answers over HTTP.
@Suite struct StatusTests {
  @Test func `it is ready once it is said to be`() async throws {
    try await Site.run { site async throws in
      #expect(try await site.get("/-/ready") == Answer(503, "Spoke is not ready.\n"))
      site.server.becomeReady()
      #expect(try await site.get("/-/ready") == Answer(200, "Spoke is ready.\n"))
    }
  }

  @Test func `it is not ready while parts of it do not answer, and names them`() async throws {
    try await Site.run { site async throws in
      site.server.report(stuck: ["loki.write.hub", "loki.source.file.logs"])
      #expect(try await site.get("/-/ready") == Answer(503, "Spoke is not ready.\n"))
      site.server.becomeReady()
      #expect(try await site.get("/-/ready") == Answer(503, "no answer from: loki.write.hub, loki.source.file.logs\n"))
      site.server.report(stuck: [])
      #expect(try await site.get("/-/ready") == Answer(200, "Spoke is ready.\n"))
    }
  }

  @Test func `unhealthy components are named with their reasons`() async throws {
    try await Site.run { site async throws in
      #expect(try await site.get("/-/healthy") == Answer(200, "All components are healthy.\n"))
      try await site.reload(
        "test.metered \"a\" { value = 1 }\ntest.metered \"b\" { value = -1 }\ntest.metered \"c\" { value = -2 }\n")
      try await eventually("both are unhealthy") { try await site.get("/-/healthy").text.contains("test.metered.c:") }
      #expect(
        try await site.get("/-/healthy")
          == Answer(
            500,
            """
            unhealthy components: test.metered.b, test.metered.c
            test.metered.b: -1 is too little
            test.metered.c: -2 is too little

            """))
    }
  }

  @Test(arguments: ["GET", "POST"]) func `a reload is asked for by either method`(method: String) async throws {
    try await Site.run { site async throws in
      try site.write("test.metered \"new\" { value = 1 }\n")
      #expect(try await site.send(method, "/-/reload") == Answer(200, "config reloaded\n"))
      #expect(await site.controller.statuses.map(\.id) == ["test.metered.new"])
      try site.write("test.metered \"new\" { value = }\n")
      let refused = try await site.send(method, "/-/reload")
      #expect(refused.status == 400)
      #expect(refused.text.contains("config.alloy:1:30: expected expression, got }"))
      #expect(refused.text.hasSuffix("the configuration that was running goes on\n"))
      #expect(await site.controller.statuses.map(\.id) == ["test.metered.new"])
    }
  }

  @Test func `the page of metrics is text Prometheus reads, each family once`() async throws {
    try await Site.run { site async throws in
      try await site.reload("test.metered \"a\" { value = 1 }\ntest.metered \"b\" { value = 2 }\n")
      let answer = try await site.get("/metrics")
      #expect(answer.status == 200)
      #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
      let lines = answer.text.split(separator: "\n").map(String.init)
      let families = lines.filter { $0.hasPrefix("# TYPE ") }
      #expect(Set(families).count == families.count)
      #expect(families.contains("# TYPE spoke_build_info gauge"))
      #expect(
        lines.filter { $0.contains("metered_value") } == [
          "# HELP metered_value What it was given.", "# TYPE metered_value gauge",
          "metered_value{component_id=\"test.metered.a\",component_path=\"/\",note=\"a \\\"b\\\"\\\\\\n\"} 1",
          "metered_value{component_id=\"test.metered.b\",component_path=\"/\",note=\"a \\\"b\\\"\\\\\\n\"} 2",
        ])
      #expect(lines.contains("alloy_config_last_load_successful 1"))
      for line in lines where !line.hasPrefix("#") {
        let parts = line.split(separator: " ")
        #expect(Double(parts.last ?? "") != nil, "\(line)")
      }
    }
  }

  @Test func `HEAD is GET without the body`() async throws {
    try await Site.run { site async throws in
      for path in ["/metrics", "/-/ready", "/-/healthy"] {
        let head = try await site.send("HEAD", path)
        #expect(head.text == "")
        #expect(try await site.get(path).status == head.status)
      }
    }
  }

  @Test func `what is not there is 404, and a method that is not for a path 405 with those that are`() async throws {
    try await Site.run { site async throws in
      #expect(try await site.get("/").status == 404)
      #expect(try await site.get("/metrics/").status == 404)
      #expect(try await site.get("/-/ready/../healthy").status == 404)
      #expect(try await site.get("/metrics?x=y").status == 200)
      for path in ["/metrics", "/-/ready", "/-/healthy"] {
        let answer = try await site.send("POST", path)
        #expect(answer.status == 405)
        #expect(answer.allow == "GET, HEAD")
      }
      let answer = try await site.send("DELETE", "/-/reload")
      #expect(answer.status == 405)
      #expect(answer.allow == "GET, POST")
      // HEAD must not do anything.
      #expect(try await site.send("HEAD", "/-/reload").status == 405)
    }
  }

  @Test func `a request with more than a status page can want is refused`() async throws {
    try await Site.run { site async throws in
      #expect(try await site.send("POST", "/-/reload", body: [UInt8](repeating: 0, count: 2 << 20)).status == 413)
      #expect(try await site.get("/" + String(repeating: "x", count: 64 << 10)).status >= 400)
      #expect(try await site.get("/-/healthy").status == 200)
    }
  }

  // MARK: Passwords

  private static let paths = ["/metrics", "/-/ready", "/-/healthy", "/-/reload", "/other"]

  @Test(
    arguments: [
      ("", paths),
      ("auth.filter { paths = [\"/metrics\", \"/-/rel\"] }", ["/metrics", "/-/reload"]),
      (
        "auth.filter {\n paths = [\"/metrics\", \"/-/h\"]\n authenticate_matching_paths = false\n}",
        ["/-/ready", "/-/reload", "/other"]
      ),
      ("auth.filter {\n paths = []\n authenticate_matching_paths = false\n}", paths),
    ])
  func `the password is asked for where the filter says`(filter: String, protected: [String]) async throws {
    try await Site.run { site async throws in
      try await site.reload(
        "http {\n auth.basic {\n username = \"me\"\n password = \"secret\"\n }\n \(filter)\n}\n")
      for path in Self.paths {
        let isProtected = protected.contains(path)
        for credentials in ["", "me:wrong", "me:secret"] {
          let status = try await site.get(path, credentials).status
          #expect((status == 401) == (isProtected && credentials != "me:secret"), "\(path) \(credentials)")
        }
      }
      let answer = try await site.get(protected[0])
      #expect(answer.challenge == "Basic realm=\"Spoke\"")
      // A path written another way is the same path.
      if protected.contains("/metrics") { #expect(try await site.get("/%6detrics").status == 401) }
      // And the next configuration may do without.
      try await site.reload("", "me:secret")
      #expect(try await site.get("/metrics").status == 200)
    }
  }
}

/// What a request got.
struct Answer: Equatable {
  var status: Int
  var text: String
  var type: String?
  var allow: String?
  var challenge: String?

  init(_ status: Int, _ text: String) {
    self.status = status
    self.text = text
  }

  static func == (left: Answer, right: Answer) -> Bool { left.status == right.status && left.text == right.text }
}

/// A status server with a controller behind it.
final class Site: Sendable {
  let network = Network()
  let directory: TemporaryDirectory
  let controller: Controller
  let server: StatusServer
  private let client: HTTPClient

  private init() async throws {
    directory = try TemporaryDirectory()
    let metrics = SelfMetrics(version: "1.2.3")
    let target = Target()
    controller = Controller(
      ConfigurationSource(path: directory.path("config.alloy")), kinds: [Metered.kind],
      options: .init(storagePath: directory.path("state")), log: Log(to: LogSink(descriptor: -1)),
      applySettings: { target.apply($0) })
    metrics.report(on: controller)
    server = StatusServer(controller: controller, metrics: metrics)
    target.set(server)
    client = try HTTPClient(on: network)
    try write("")
    try await server.start(host: "127.0.0.1", port: 0, on: network)
    try await controller.start()
  }

  static func run(_ body: (Site) async throws -> Void) async throws {
    let site = try await Site()
    let result: Result<Void, any Error>
    do { result = .success(try await body(site)) } catch { result = .failure(error) }
    await site.controller.stop()
    await site.client.close()
    await site.server.stop()
    await site.network.shutdown()
    try result.get()
  }

  func write(_ text: String) throws {
    try replaceFile(directory.path("config.alloy"), with: Array(text.utf8).span)
  }

  /// Writes `text` and reloads over HTTP.
  func reload(_ text: String, _ credentials: String = "") async throws {
    try write(text)
    let answer = try await send("POST", "/-/reload", credentials)
    #expect(answer.status == 200, "\(answer.text)")
  }

  func get(_ path: String, _ credentials: String = "") async throws -> Answer {
    try await send("GET", path, credentials)
  }

  func send(_ method: String, _ path: String, _ credentials: String = "", body: [UInt8] = []) async throws -> Answer {
    let user = credentials.isEmpty ? "" : credentials + "@"
    let url = try HTTPURL(parsing: "http://\(user)127.0.0.1:\(server.port)\(path)")
    let response = try await client.send(
      HTTPRequest(method, url, headers: [:], body: body), timeout: .seconds(120), bodyLimit: 1 << 20)
    var answer = Answer(response.status, String(decoding: response.body, as: UTF8.self))
    answer.type = response.headers["Content-Type"]
    answer.allow = response.headers["Allow"]
    answer.challenge = response.headers["WWW-Authenticate"]
    return answer
  }
}

private final class Target: Sendable {
  private let server = Mutex<StatusServer?>(nil)
  func set(_ server: StatusServer) { self.server.withLock { $0 = server } }
  func apply(_ settings: Settings) { server.withLock { $0 }?.apply(settings) }
}

/// A component with a metric, which fails when its value is negative.
private final class Metered: Component {
  private let value: Double
  private let context: ComponentContext

  static let kind = ComponentKind("test.metered") { block, context in
    Metered(block.required("value", .double), context)
  }

  private init(_ value: Double, _ context: ComponentContext) {
    self.value = value
    self.context = context
  }

  func run() async throws {
    if value < 0 {
      context.reportUnhealthy("\(Int(value)) is too little")
    } else {
      context.reportHealthy()
    }
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    batch.family("metered_value", .gauge, help: "What it was given.")
    batch.append("note", "a \"b\"\\\n", value: value)
    return batch
  }
}
