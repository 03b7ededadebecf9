// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Scrape

@Suite struct SampleAppenderTests {
  private var settings = ScrapeSettings(jobName: "j")
  private let labels = LabelSet(["job": "j", "instance": "i"])

  /// What is sent of `page`, scraped at `time`; without the reports unless wanted.
  private func send(
    _ page: String, _ appender: inout SampleAppender, at time: Int64 = 1000, reports: Bool = false
  ) throws -> [String] {
    var parser = ExpositionParser(format: .prometheusText, keepsEmptyValues: settings.honorLabels)
    var scraped = SeriesBatch()
    try parser.parse(Array(page.utf8).span, into: &scraped)
    var outgoing = SeriesBatch()
    _ = appender.append(scraped, facts(at: time), into: &outgoing)
    return rows(outgoing, reports)
  }

  private func rows(_ batch: SeriesBatch, _ reports: Bool) -> [String] {
    describe(batch).filter { reports || !($0.hasPrefix("up{") || $0.hasPrefix("scrape_")) }
  }

  private func fail(_ appender: inout SampleAppender, at time: Int64, reports: Bool = false) -> [String] {
    var outgoing = SeriesBatch()
    _ = appender.fail(ScrapeError("down"), facts(at: time), into: &outgoing)
    return rows(outgoing, reports)
  }

  private func facts(at time: Int64) -> ScrapeFacts {
    ScrapeFacts(timestampMilliseconds: time, duration: .milliseconds(250), bodySize: 77)
  }

  private func appender(_ labels: LabelSet? = nil) -> SampleAppender {
    SampleAppender(labels: labels ?? self.labels, timeout: .seconds(10), settings: settings)
  }

  // MARK: Labels

  @Test(arguments: [
    ("m{a=\"1\"} 0", #"m{a="1",instance="i",job="j"}"#),
    ("m{job=\"x\"} 0", #"m{exported_job="x",instance="i",job="j"}"#),
    ("m{job=\"x\",exported_job=\"y\"} 0", #"m{exported_exported_job="x",exported_job="y",instance="i",job="j"}"#),
    ("m{job=\"x\",instance=\"z\"} 0", #"m{exported_instance="z",exported_job="x",instance="i",job="j"}"#),
    ("m{job=\"\"} 0", #"m{instance="i",job="j"}"#), ("m{Zone=\"1\"} 0", #"m{Zone="1",instance="i",job="j"}"#),
  ])
  func `the target's labels win and the scraped ones are renamed`(page: String, series: String) throws {
    var appender = appender()
    #expect(try send(page, &appender) == [series + " 0.0 @1000"])
  }

  @Test(arguments: [
    ("m{job=\"x\"} 0", #"m{instance="i",job="x"}"#), ("m{instance=\"\"} 0", #"m{job="j"}"#),
    ("m{a=\"\"} 0", #"m{instance="i",job="j"}"#), ("m 0", #"m{instance="i",job="j"}"#),
  ])
  mutating func `under honor_labels the scraped ones win, even when empty`(page: String, series: String) throws {
    settings.honorLabels = true
    var appender = appender()
    #expect(try send(page, &appender) == [series + " 0.0 @1000"])
  }

  @Test func `a label that a target label already calls exported is prefixed again`() throws {
    var appender = appender(LabelSet(["a": "1", "exported_a": "2"]))
    #expect(
      try send("m{a=\"x\",exported_a=\"y\"} 0", &appender) == [
        #"m{a="1",exported_a="2",exported_exported_a="x",exported_exported_exported_a="y"} 0.0 @1000"#
      ])
  }

  @Test func `hundreds of labels that want the same new name get one each`() throws {
    var appender = appender(LabelSet(["a": "t"]))
    let prefixes = (0..<200).map { String(repeating: "exported_", count: $0) }
    let page = "m{" + prefixes.map { "\($0)a=\"v\"" }.joined(separator: ",") + "} 0"
    let row = try send(page, &appender)[0]
    #expect(row.contains("{a=\"t\"") || row.contains(",a=\"t\""))
    #expect(row.split(separator: ",").count == 201)
  }

  // MARK: Timestamps

  @Test mutating func `timestamps of the page are used unless honor_timestamps is off`() throws {
    var appender = appender()
    #expect(try send("m 1 42\n", &appender) == [#"m{instance="i",job="j"} 1.0 @42"#])
    settings.honorTimestamps = false
    var other = self.appender()
    #expect(try send("m 1 42\n", &other) == [#"m{instance="i",job="j"} 1.0 @1000"#])
  }

  @Test mutating func `series with timestamps of their own end silently unless they are tracked`() throws {
    var appender = appender()
    _ = try send("m 1 42\n", &appender)
    #expect(try send("", &appender, at: 2000) == [])
    settings.trackTimestampsStaleness = true
    var tracking = self.appender()
    _ = try send("m 1 42\n", &tracking)
    #expect(try send("", &tracking, at: 2000) == [#"m{instance="i",job="j"} stale @2000"#])
  }

  @Test func `a series that changes to timestamps of its own has not ended`() throws {
    var appender = appender()
    _ = try send("m 1\n", &appender)
    #expect(try send("m 1 1500\n", &appender, at: 2000) == [#"m{instance="i",job="j"} 1.0 @1500"#])
  }

  // MARK: Duplicates

  @Test func `the first of a series counts, in whatever order its labels come`() throws {
    var appender = appender(.empty)
    #expect(try send("m{a=\"1\",b=\"2\"} 1\nm{b=\"2\",a=\"1\"} 2\n", &appender) == [#"m{a="1",b="2"} 1.0 @1000"#])
  }

  @Test func `one series may have several samples whose timestamps grow`() throws {
    var appender = appender(.empty)
    #expect(try send("m 1 5\nm 2 6\nm 3 6\nm 4 4\nm 5\n", &appender) == ["m{} 1.0 @5", "m{} 2.0 @6"])
  }

  @Test mutating func `two series that become one by the target's labels are one`() throws {
    settings.honorLabels = true
    var appender = appender()
    #expect(try send("m 1\nm{job=\"j\"} 2\n", &appender) == [#"m{instance="i",job="j"} 1.0 @1000"#])
  }

  // MARK: Staleness

  @Test func `a series that is missing ends once, and can begin again`() throws {
    var appender = appender(.empty)
    _ = try send("a 1\nb 1\n", &appender)
    #expect(try send("a 2\n", &appender, at: 2000) == ["b{} stale @2000", "a{} 2.0 @2000"])
    #expect(try send("a 3\n", &appender, at: 3000) == ["a{} 3.0 @3000"])
    #expect(try send("b 1\na 4\n", &appender, at: 4000) == ["b{} 1.0 @4000", "a{} 4.0 @4000"])
  }

  @Test func `a failed scrape ends every series once`() throws {
    var appender = appender(.empty)
    _ = try send("a 1\nb 1\n", &appender)
    #expect(fail(&appender, at: 2000) == ["a{} stale @2000", "b{} stale @2000"])
    #expect(fail(&appender, at: 3000) == [])
    #expect(try send("a 2\n", &appender, at: 4000) == ["a{} 2.0 @4000"])
    #expect(fail(&appender, at: 5000) == ["a{} stale @5000"])
  }

  @Test func `a target that is gone ends its series and its reports, once`() throws {
    var appender = appender(.empty)
    _ = try send("a 1\n", &appender)
    var outgoing = SeriesBatch()
    appender.end(atMilliseconds: 9000, into: &outgoing)
    #expect(
      describe(outgoing) == [
        "a{} stale @9000", "up{} stale @9000", "scrape_duration_seconds{} stale @9000",
        "scrape_samples_scraped{} stale @9000", "scrape_samples_post_metric_relabeling{} stale @9000",
        "scrape_series_added{} stale @9000",
      ])
    #expect(outgoing.rows.allSatisfy { $0.valueBits == staleMarkerBits })
    outgoing.removeAll()
    appender.end(atMilliseconds: 9500, into: &outgoing)
    #expect(outgoing.count == 0)
  }

  @Test func `a target that was never scraped has nothing to end`() {
    var appender = appender()
    var outgoing = SeriesBatch()
    appender.end(atMilliseconds: 9000, into: &outgoing)
    #expect(outgoing.count == 0)
  }

  @Test mutating func `new settings keep what series there were`() throws {
    var appender = appender(.empty)
    _ = try send("a 1\n", &appender)
    settings.extraMetrics = true
    appender = appender.with(timeout: .seconds(5), settings: settings)
    #expect(try send("b 1\n", &appender, at: 2000) == ["a{} stale @2000", "b{} 1.0 @2000"])
  }

  @Test func `series that come and go by the thousand are counted, ended and forgotten`() throws {
    var appender = appender(.empty)
    for round in 0..<20 {
      let page = (0..<500).map { "m{n=\"\(round * 250 + $0)\"} 1\n" }.joined()
      let sent = try send(page, &appender, at: Int64(round))
      #expect(sent.filter { $0.contains("stale") }.count == (round == 0 ? 0 : 250))
      #expect(sent.count == (round == 0 ? 500 : 750))
    }
  }

  // MARK: Limits

  @Test mutating func `too many samples fail the scrape and end what was there`() throws {
    settings.sampleLimit = 2
    var appender = appender(.empty)
    #expect(try send("a 1\nb 1\n", &appender).count == 2)
    #expect(
      try send("a 1\nb 1\nc 1\n", &appender, at: 2000, reports: true) == [
        "a{} stale @2000", "b{} stale @2000", "up{} 0.0 @2000", "scrape_duration_seconds{} 0.25 @2000",
        "scrape_samples_scraped{} 3.0 @2000", "scrape_samples_post_metric_relabeling{} 3.0 @2000",
        "scrape_series_added{} 0.0 @2000",
      ])
    #expect(try send("a 1\nb 1\nb 2\n", &appender, at: 3000) == ["a{} 1.0 @3000", "b{} 1.0 @3000"])
    #expect(try send("b 1\n", &appender, at: 4000) == ["a{} stale @4000", "b{} 1.0 @4000"])
  }

  @Test func `labels beyond a limit fail the scrape, whatever came before them`() throws {
    let limits: [(WritableKeyPath<ScrapeSettings, Int>, Int, String)] = [
      (\.labelLimit, 4, "label_limit exceeded (metric: bad, number of labels: 5, limit: 4)"),
      (
        \.labelNameLengthLimit, 8,
        "label_name_length_limit exceeded (metric: bad, label name: longest_name, length: 12, limit: 8)"
      ),
      (
        \.labelValueLengthLimit, 4,
        "label_value_length_limit exceeded (metric: bad, label name: longest_name, length: 6, limit: 4)"
      ),
    ]
    for (limit, most, message) in limits {
      var settings = settings
      settings[keyPath: limit] = most
      var appender = SampleAppender(labels: labels, timeout: .seconds(1), settings: settings)
      _ = try send("good 1\n", &appender)
      var outgoing = SeriesBatch()
      let result = appender.append(
        try parse("good 1\nbad{a=\"1\",longest_name=\"longer\"} 1\n"), facts(at: 2000), into: &outgoing)
      #expect(result.error?.description == message)
      #expect(result.error?.kind == .labelLimit)
      #expect(describe(outgoing)[0] == #"good{instance="i",job="j"} stale @2000"#)
      #expect(describe(outgoing)[1] == #"up{instance="i",job="j"} 0.0 @2000"#)
    }
  }

  // MARK: Reports

  @Test mutating func `the reports are exact`() throws {
    settings.extraMetrics = true
    settings.sampleLimit = 9
    var appender = appender(LabelSet(["job": "j"]))
    #expect(
      try send("a 1\nb 1\nb 2\n", &appender, reports: true).suffix(8) == [
        #"up{job="j"} 1.0 @1000"#, #"scrape_duration_seconds{job="j"} 0.25 @1000"#,
        #"scrape_samples_scraped{job="j"} 3.0 @1000"#, #"scrape_samples_post_metric_relabeling{job="j"} 3.0 @1000"#,
        #"scrape_series_added{job="j"} 2.0 @1000"#, #"scrape_timeout_seconds{job="j"} 10.0 @1000"#,
        #"scrape_sample_limit{job="j"} 9.0 @1000"#, #"scrape_body_size_bytes{job="j"} 77.0 @1000"#,
      ])
    #expect(
      try send("a 1\nb 1\nc 1\n", &appender, at: 2000, reports: true).contains(
        #"scrape_series_added{job="j"} 1.0 @2000"#))
    _ = fail(&appender, at: 3000)
    #expect(
      try send("a 1\nb 1\nc 1\n", &appender, at: 4000, reports: true).contains(
        #"scrape_series_added{job="j"} 0.0 @4000"#))
  }

  @Test func `families and exemplars stay with their rows, markers with none`() throws {
    var appender = appender(.empty)
    _ = try send("gone 1\n", &appender)
    let scraped = try parse(
      "# TYPE a counter\na_total 1 # {t=\"x\"} 5\na_total 2 # {t=\"y\"} 6\n# TYPE b gauge\n# HELP b Bee.\nb 2 # {t=\"z\"} 7\n# EOF\n",
      .openMetrics)
    var outgoing = SeriesBatch()
    let result = appender.append(scraped, facts(at: 2000), into: &outgoing)
    #expect(result.duplicates == 1)
    #expect(describe(outgoing).prefix(3) == ["gone{} stale @2000", "a_total{} 1.0 @2000", "b{} 2.0 @2000"])
    #expect(outgoing.families.prefix(2).map(\.rows) == [1..<2, 2..<3])
    #expect(outgoing.familyDescription(at: 1) == MetricFamily(name: "b", type: .gauge, help: "Bee."))
    #expect(outgoing.exemplars.map(\.row) == [1, 2])
    #expect(outgoing.exemplars.map(\.timestampMilliseconds) == [2000, 2000])
  }

  @Test func `values pass bit by bit`() throws {
    var scraped = SeriesBatch()
    scraped.family("m", .gauge, help: "")
    scraped.append(bits: staleMarkerBits)
    var appender = appender(.empty)
    var outgoing = SeriesBatch()
    _ = appender.append(scraped, facts(at: 1), into: &outgoing)
    #expect(outgoing.rows[0].valueBits == staleMarkerBits)
  }
}
