// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// A new configuration for a running agent.
@Suite(.serialized) struct ReloadTests {
  private let directory: TemporaryDirectory
  private let target: CountingTarget
  private let hub: EmbeddedHub

  init() async throws {
    directory = try TemporaryDirectory()
    target = try await CountingTarget.start()
    hub = try await EmbeddedHub.start(on: loopbackNetwork)
  }

  private func write(_ configuration: String, to name: String = "config.alloy") throws {
    try replaceFile(directory.path(name), with: Array(configuration.utf8).span)
  }

  /// A request to the agent's own server.
  private func send(
    _ method: String, _ path: String, to agent: AgentProcess, scheme: HTTPURL.Scheme = .http,
    client options: ClientOptions = ClientOptions()
  ) async throws -> (status: Int, text: String) {
    let url = HTTPURL(scheme, host: "127.0.0.1", port: try await agent.port(), path: path)
    let client = try HTTPClient(options, on: loopbackNetwork)
    let answer = await Result {
      try await client.send(HTTPRequest(method, url), timeout: .seconds(120), bodyLimit: 1 << 20)
    }
    await client.close()
    let response = try answer.get()
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  private func reload(_ agent: AgentProcess) async throws {
    let answer = try await send("POST", "/-/reload", to: agent)
    #expect(answer.status == 200 && answer.text == "config reloaded\n", "\(answer.text)")
  }

  /// A scrape of the target as another job than the one that is left alone.
  private func other(labels: String = "", interval: String = "100ms") -> String {
    """
    prometheus.scrape "other" {
      targets         = [{"__address__" = "\(target.address)", "job" = "other", \(labels)}]
      forward_to      = [prometheus.remote_write.hub.receiver]
      scrape_interval = "\(interval)"
      scrape_timeout  = "100ms"
      params          = {"other" = ["1"]}
    }

    """
  }

  private func samples(_ name: String, _ labels: (LabelSet) -> Bool) -> [ReceivedSeries.Sample] {
    hub.series(named: name).filter { labels($0.labels) }.flatMap(\.samples)
  }

  // MARK: What changes, and what does not

  @Test(arguments: [true, false])
  func `what changed takes effect, and what did not goes on untouched`(_ bySignal: Bool) async throws {
    // A target of its own for each, so that each job's count has no holes.
    let untouched = hub.configuration(try await CountingTarget.start())
    let agent = try await AgentProcess.run(untouched + other(labels: "\"stage\" = \"one\""), in: directory)
    await eventually("both jobs arrive") { hub.scrapes().count > 3 && hub.scrapes(job: "other").count > 3 }
    let sent = try await agent.metrics().sum("prometheus_remote_storage_samples_total")

    try write(untouched + other(labels: "\"stage\" = \"two\"", interval: "300ms"))
    if bySignal { agent.signal(hangUpSignal) } else { try await reload(agent) }
    await eventually("the new label arrives") {
      samples("test_scrapes_total") { $0.labels.contains { $0.value == "two" } }.count > 3
    }
    await eventually("the old series ends") {
      samples("test_scrapes_total") { $0["stage"] == "one" }.last?.valueBits == staleMarkerBits
    }
    // Timestamps are aligned to the interval, so they tell it exactly.
    let times = samples("test_scrapes_total") { $0["stage"] == "two" }.map(\.timestampMilliseconds)
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 290 }, "\(times)")

    #expect(try await agent.metrics().sum("prometheus_remote_storage_samples_total") > sent, "the sender is the same")
    #expect(try await agent.metrics().sum("spoke_queue_unclean_starts_total") == 0)
    await agent.stop()
    hub.expectEveryScrape()
    let added = samples("scrape_series_added") { $0["job"] == "count" }.map(\.value)
    #expect(added.count { $0 == 1 } <= 1 + hub.failedScrapes() && added.allSatisfy { $0 <= 1 }, "\(added)")
    #expect(hub.duplicates == 0)
    if bySignal { #expect(agent.log.contains("msg=reloaded")) }
  }

  @Test func `a component that was removed stops`() async throws {
    let kept = hub.configuration(try await CountingTarget.start())
    let agent = try await AgentProcess.run(kept + other(), in: directory)
    await eventually("it is scraped") { hub.scrapes(job: "other").count > 3 }
    try write(kept)
    try await reload(agent)
    let gone = "component_id=\"prometheus.scrape.other\""
    #expect(try await agent.metrics().keys.allSatisfy { !$0.contains(gone) })
    let (count, others) = (hub.scrapes().count, hub.scrapes(job: "other").count)
    await eventually("the rest goes on") { hub.scrapes().count > count + 5 }
    #expect(hub.scrapes(job: "other").count <= others + 1, "one may have been on its way")
    await agent.stop()
  }

  @Test func `a configuration with mistakes is answered with them, and the running one goes on`() async throws {
    let good = hub.configuration(target)
    let agent = try await AgentProcess.run(good, in: directory)
    await eventually("it is scraped") { hub.scrapes().count > 3 }
    try write("prometheus.scrape \"count\" {\n\ttargets = [1\n\t]\n}\n")
    let expected = """
      Error: \(directory.path("config.alloy")):2:14: missing ',' in expression list

      1 | prometheus.scrape "count" {
      2 |     targets = [1
        |                 ^
      3 |     ]
        = help: add ',' here

      """
    let answer = try await send("POST", "/-/reload", to: agent)
    #expect(answer.status == 400)
    #expect(answer.text == expected + "\nthe configuration that was running goes on\n")
    #expect(try await agent.metrics()["alloy_config_last_load_successful"] == 0)
    #expect(try await agent.metrics()["alloy_config_load_failures_total"] == 1)
    agent.signal(hangUpSignal)
    try await agent.waitForLine("the new configuration has mistakes; the one that was running goes on")
    #expect(agent.log.contains(expected))
    try removeFile(directory.path("config.alloy"))
    let missing = try await send("POST", "/-/reload", to: agent)
    #expect(missing.status == 400 && missing.text.contains("No such file or directory"), "\(missing.text)")

    let count = hub.scrapes().count
    await eventually("the same metrics go on") { hub.scrapes().count > count + 3 }
    #expect(try await agent.get("/-/ready").status == 200)
    try write(good)
    try await reload(agent)
    #expect(try await agent.metrics()["alloy_config_last_load_successful"] == 1)
    await agent.stop()
    hub.expectEveryScrape()
  }

  @Test func `fifty reloads in a row lose nothing and send nothing twice`() async throws {
    // The remote write changes each time, so that its queue is closed and opened again while samples come.
    let agent = try await AgentProcess.run(hub.configuration(target), in: directory)
    await eventually("it is scraped") { hub.scrapes().count > 3 }
    for round in 1...50 {
      try write(hub.configuration(target, endpoint: "remote_timeout = \"\(10 + round)s\""))
      if round % 2 == 0 { agent.signal(hangUpSignal) }
      try await reload(agent)
    }
    let count = hub.scrapes().count
    await eventually("it goes on") { hub.scrapes().count > count + 3 }
    #expect(try await agent.metrics().sum("spoke_scrape_undelivered_samples_total") == 0)
    #expect(try await agent.metrics().sum("spoke_queue_unclean_starts_total") == 0)
    await agent.stop()
    hub.expectEveryScrape()
    #expect(hub.duplicates == 0)
  }

  @Test func `an imported file that changes is put to work by itself`() async throws {
    func module(_ stage: String) -> String {
      """
      declare "count" {
        argument "forward_to" { }

        prometheus.scrape "count" {
          targets         = [{"__address__" = "\(target.address)", "job" = "count", "stage" = "\(stage)"}]
          forward_to      = argument.forward_to.value
          scrape_interval = "100ms"
          scrape_timeout  = "100ms"
        }
      }

      """
    }
    try write(module("one"), to: "module.alloy")
    let configuration = """
      import.file "lib" {
        filename       = "\(directory.path("module.alloy"))"
        poll_frequency = "1s"
      }

      lib.count "here" {
        forward_to = [prometheus.remote_write.hub.receiver]
      }

      \(remoteWrite(port: hub.port))
      """
    let agent = try await AgentProcess.run(configuration, in: directory)
    await eventually("the first arrives") { samples("test_scrapes_total") { $0["stage"] == "one" }.count > 1 }
    try write("declare {", to: "module.alloy")
    try await agent.waitForLine("an imported file changed and the configuration is no longer valid")
    try write(module("two"), to: "module.alloy")
    try await agent.waitForLine("reloaded because an imported file changed")
    await eventually("the second arrives") { samples("test_scrapes_total") { $0["stage"] == "two" }.count > 1 }
    await agent.stop()
  }

  @Test func `--skip-unsupported runs the rest of the file`() async throws {
    let more = """
      loki.source.syslog "read" {
        forward_to = [otelcol.receiver.loki.hub.receiver]
      }

      otelcol.receiver.loki "hub" { }

      """
    let agent = try await AgentProcess.run(
      hub.configuration(target, more: more), in: directory, flags: ["--skip-unsupported"])
    #expect(agent.log.contains("otelcol.receiver.loki is left out: this agent does not have it"))
    await eventually("it is scraped") { hub.scrapes().count > 3 }
    try await reload(agent)
    await agent.stop()
    hub.expectEveryScrape()
  }

  // MARK: The agent itself

  @Test func `level and format of the log change`() async throws {
    let agent = try await AgentProcess.run("logging { level = \"info\" }\n", in: directory)
    #expect(agent.log.contains("level=info msg=running"))
    try write("logging {\n  level  = \"info\"\n  format = \"json\"\n}\n")
    agent.signal(hangUpSignal)
    try await agent.waitForLine("\"level\":\"info\",\"msg\":\"reloaded\"")
    try write("logging { level = \"error\" }\n")
    try await reload(agent)
    let before = agent.log
    agent.signal(hangUpSignal)
    await agent.stop()
    #expect(agent.log == before, "nothing below error is told")
  }

  @Test func `a password for the agent's own pages comes and goes`() async throws {
    let password = "correct-horse-battery"
    let block = """
      http {
        auth.basic {
          username = "admin"
          password = "\(password)"
        }

        auth.filter {
          paths                       = ["/metrics", "/-/reload"]
          authenticate_matching_paths = true
        }
      }

      """
    let agent = try await AgentProcess.run(block, in: directory)
    let known = ClientOptions(credentials: .basic(username: "admin", password: .text(password)))
    let wrong = ClientOptions(credentials: .basic(username: "admin", password: .text("wrong")))
    #expect(try await send("GET", "/metrics", to: agent).status == 401)
    #expect(try await send("GET", "/metrics", to: agent, client: wrong).status == 401)
    #expect(try await send("GET", "/metrics", to: agent, client: known).status == 200)
    #expect(try await send("GET", "/-/ready", to: agent).status == 200)
    try write("")
    #expect(try await send("POST", "/-/reload", to: agent).status == 401)
    #expect(try await send("POST", "/-/reload", to: agent, client: known).status == 200)
    #expect(try await send("GET", "/metrics", to: agent).status == 200)
    await agent.stop()
    #expect(!agent.log.contains(password))
  }

  @Test func `the agent's own pages are served with TLS when its block says so`() async throws {
    let made = try ChildProcess([
      "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-keyout", directory.path("server.key"), "-out", directory.path("server.pem"), "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
    ])
    try #require(await made.waitForExit() == 0, "\(made.errors)")
    let block = """
      http {
        tls {
          cert_file   = "\(directory.path("server.pem"))"
          key_file    = "\(directory.path("server.key"))"
          min_version = "TLS13"
        }
      }

      """
    let agent = try await AgentProcess.run(block, in: directory)
    let trusting = ClientOptions(tls: TLSOptions(ca: .file(directory.path("server.pem"))))
    let ready = try await send("GET", "/-/ready", to: agent, scheme: .https, client: trusting)
    #expect(ready.status == 200)
    await #expect(throws: HTTPError.self, "plain HTTP") { try await send("GET", "/-/ready", to: agent) }
    try write("")
    #expect(try await send("POST", "/-/reload", to: agent, scheme: .https, client: trusting).status == 200)
    try await agent.waitForLine("the tls block of the http block has changed; a restart puts it to use")
    #expect(try await send("GET", "/-/ready", to: agent, scheme: .https, client: trusting).status == 200)
    await agent.stop()
  }
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
