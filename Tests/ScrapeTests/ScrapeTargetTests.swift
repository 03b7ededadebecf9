// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Scrape

@Suite struct ScrapeTargetTests {
  private var settings = ScrapeSettings(jobName: "prometheus.scrape.x")

  private func failure(_ labels: [String: String]) -> String? {
    do {
      _ = try ScrapeTarget(labels, settings: settings)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `settings fill in what discovery left out`() throws {
    let target = try ScrapeTarget(
      ["__address__": "h:9100", "__meta_a": "b", "zone": "z", "empty": ""], settings: settings)
    #expect(target.url == "http://h:9100/metrics")
    #expect(target.labels.description == #"{instance="h:9100",job="prometheus.scrape.x",zone="z"}"#)
    #expect(target.interval == .seconds(60) && target.timeout == .seconds(10))
  }

  @Test func `what discovery says goes before the settings`() throws {
    let target = try ScrapeTarget(
      [
        "__address__": "[::1]:80", "__scheme__": "https", "__metrics_path__": "probe me", "job": "own", "instance": "i",
        "__scrape_interval__": "1m30s", "__scrape_timeout__": "500ms", "__param_target": "a b&c",
      ], settings: settings)
    #expect(target.url == "https://[::1]:80/probe%20me?target=a+b%26c")
    #expect(target.labels.description == #"{instance="i",job="own"}"#)
    #expect(target.interval == .seconds(90) && target.timeout == .milliseconds(500))
  }

  @Test mutating func `parameters are sorted, and a label replaces the first value`() throws {
    settings.params = ["z": ["1", "2"], "module": ["http", "tcp"], "none": []]
    settings.metricsPath = "/m?x"
    let target = try ScrapeTarget(["__address__": "h", "__param_module": "icmp"], settings: settings)
    #expect(target.url == "http://h/m%3Fx?module=icmp&module=tcp&z=1&z=2")
  }

  @Test func `a target that cannot be scraped says why`() {
    #expect(failure(["job": "a"]) == "the target has no __address__")
    #expect(failure(["__address__": "h/x"]) == "\"h/x\" is not a valid address; it must be host:port")
    #expect(
      failure(["__address__": "h:1", "__scheme__": "ftp"]) == "scheme \"ftp\" of target h:1 is neither http nor https")
    #expect(
      failure(["__address__": "h", "__scrape_interval__": "5s"])
        == "scrape timeout cannot be greater than scrape interval (\"10s\" > \"5s\")")
    #expect(
      failure(["__address__": "h", "__scrape_interval__": "5"])
        == "__scrape_interval__ \"5\" is not a valid duration; write it like 30s or 1m30s")
    #expect(failure(["__address__": "h", "__scrape_timeout__": "0s"]) == "__scrape_timeout__ cannot be 0")
  }

  @Test func `targets are told apart by where they are and how their series are called`() throws {
    func target(_ more: [String: String]) throws -> ScrapeTarget {
      try ScrapeTarget(["__address__": "h"].merging(more) { $1 }, settings: settings)
    }
    let plain = try target([:])
    #expect(try target(["__meta_x": "y"]).identity == plain.identity)
    #expect(try target(["__scrape_interval__": "2m"]).identity == plain.identity)
    #expect(try target(["a": "b"]).identity != plain.identity)
    #expect(try target(["__metrics_path__": "/x"]).identity != plain.identity)
    #expect(try target(["a": "b"]).hash != plain.hash)
  }

  @Test func `durations are written and read as Prometheus does`() {
    for (text, duration): (String, Duration) in [
      ("1m", .seconds(60)), ("1m30s", .seconds(90)), ("10s", .seconds(10)), ("1s500ms", .milliseconds(1500)),
      ("1d", .seconds(86_400)), ("1w", .seconds(604_800)), ("1h", .seconds(3600)), ("0s", .zero),
    ] {
      #expect(prometheusText(duration) == text)
      #expect(parsePrometheusDuration(text) == duration)
    }
    for text in ["", "s", "1", "1.5s", "1s1m", "1m1m", "-1s", "9999999999999999999s", "300y", "1sx", "1 s"] {
      #expect(parsePrometheusDuration(text) == nil, "\(text)")
    }
  }

  @Test mutating func `settings that cannot work are refused as Alloy refuses them`() {
    #expect(settings.problem == nil)
    settings.interval = .seconds(5)
    #expect(
      settings.problem
        == "scrape_timeout (10s) greater than scrape_interval (5s) for scrape config with job name \"prometheus.scrape.x\""
    )
    settings.interval = .zero
    #expect(settings.problem == "scrape_interval must be greater than 0")
  }

  // MARK: Negotiation

  @Test func `the Accept header lists the protocols, best first`() {
    #expect(
      ScrapeProtocol.acceptHeader(ScrapeProtocol.allCases, escaping: .underscores)
        == "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
    #expect(
      ScrapeProtocol.acceptHeader([.prometheusText0_0_4], escaping: .underscores)
        == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5")
  }

  @Test(
    arguments: [
      ("text/plain; version=0.0.4; charset=utf-8", ExpositionFormat.prometheusText), ("TEXT/PLAIN", .prometheusText),
      ("application/openmetrics-text;version=1.0.0", .openMetrics), (" application/openmetrics-text ;x", .openMetrics),
      ("text/html", .prometheusText), ("", .prometheusText), (nil, .prometheusText),
    ] as [(String?, ExpositionFormat)])
  func `the content type chooses the parser, the fallback the rest`(type: String?, format: ExpositionFormat) throws {
    #expect(try ExpositionFormat(contentType: type, fallback: .prometheusText0_0_4) == format)
  }

  @Test func `without a fallback an unknown content type is refused`() {
    for type in [nil, "", "text/html"] {
      #expect(throws: ScrapeError.self) { try ExpositionFormat(contentType: type, fallback: nil) }
    }
    #expect(throws: ScrapeError.self) {
      try ExpositionFormat(contentType: "application/vnd.google.protobuf", fallback: .prometheusText0_0_4)
    }
  }

  @Test func `PrometheusProto is not a protocol of ours`() {
    #expect(ScrapeProtocol(rawValue: "PrometheusProto") == nil)
    #expect(ScrapeProtocol(rawValue: "OpenMetricsText0.0.1") == .openMetricsText0_0_1)
  }

  // MARK: Schedule

  @Test func `timestamps within the tolerance are moved, others not`() {
    let ms: Int64 = 1_000_000
    var schedule = ScrapeSchedule(interval: 1000 * ms, startingAt: 0, delay: 0)
    #expect(schedule.timestamp(wall: 5000 * ms) == 5000 * ms)
    #expect(schedule.timestamp(wall: 6002 * ms) == 6000 * ms)
    #expect(schedule.timestamp(wall: 6998 * ms) == 7000 * ms)
    #expect(schedule.timestamp(wall: 10_001 * ms) == 10_000 * ms)
    #expect(schedule.timestamp(wall: 11_003 * ms) == 11_003 * ms)
    #expect(schedule.timestamp(wall: 12_003 * ms) == 12_003 * ms)
    #expect(schedule.timestamp(wall: 3 * ms) == 3 * ms)
    #expect(schedule.timestamp(wall: 1003 * ms) == 1003 * ms)
    #expect(schedule.timestamp(wall: .max) == .max)
    #expect(schedule.timestamp(wall: .min) == .min)
  }

  @Test func `the tolerance is a hundredth of a short interval`() {
    var schedule = ScrapeSchedule(interval: 100_000_000, startingAt: 0, delay: 0)
    #expect(schedule.timestamp(wall: 0) == 0)
    #expect(schedule.timestamp(wall: 101_000_000) == 100_000_000)
    #expect(schedule.timestamp(wall: 201_000_001) == 201_000_001)
  }

  @Test func `targets are spread over the interval, each at a moment of its own`() {
    #expect(ScrapeSchedule.spread(hash: 7, interval: 10, wall: 100) == 7)
    #expect(ScrapeSchedule.spread(hash: 17, interval: 10, wall: 108) == 9)
    #expect(ScrapeSchedule.spread(hash: 8, interval: 10, wall: 108) == 0)
    #expect(ScrapeSchedule.spread(hash: .max, interval: 10, wall: -3) == 8)
  }
}
