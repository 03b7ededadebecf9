// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Scrape

/// `name{labels} value [@timestamp]` for each row.
func describe(_ batch: SeriesBatch) -> [String] {
  batch.rows.indices.map { index in
    let row = batch.rows[index]
    let value =
      switch row.valueBits {
      case staleMarkerBits: "stale"
      case normalNaNBits: "NaN"
      default: "\(Double(bitPattern: row.valueBits))"
      }
    return "\(batch.labels(at: index)) \(value)" + (row.timestampMilliseconds.map { " @\($0)" } ?? "")
  }
}

func parse(_ text: String, _ format: ExpositionFormat = .prometheusText, escaping: NameEscaping = .underscores) throws
  -> SeriesBatch
{
  var parser = ExpositionParser(format: format, escaping: escaping)
  var batch = SeriesBatch()
  try parser.parse(Array(text.utf8).span, into: &batch)
  return batch
}

@Suite struct ExpositionParserTests {
  private func families(_ batch: SeriesBatch) -> [String] {
    batch.families.indices.map { index in
      let family = batch.familyDescription(at: index)
      let unit = family.unit.isEmpty ? "" : " [\(family.unit)]"
      return "\(family.name) \(family.type) \"\(family.help)\"\(unit) \(batch.families[index].rows)"
    }
  }

  private func failure(_ text: String, _ format: ExpositionFormat = .prometheusText) -> String? {
    do {
      _ = try parse(text, format)
      return nil
    } catch {
      return "\(error)"
    }
  }

  // MARK: Prometheus text

  @Test func `a page of every kind becomes rows and families`() throws {
    let batch = try parse(
      """
      # HELP http_requests_total The total\\nnumber of \\\\ requests.
      # TYPE http_requests_total counter
      http_requests_total{method="post",code="200"} 1027 1395066363000
      http_requests_total{method="post",code="400",}    3

      # A comment, and one that looks like more:
      # HELPless
      #TYPE no
      msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
      metric_without_timestamp_and_labels 12.47
      # TYPE rpc summary
      # HELP rpc A summary.
      rpc{quantile="0.5"} NaN
      rpc{quantile="1"} -Inf
      rpc_sum 1.7560473e+07
      rpc_count 2693
      # TYPE req histogram
      req_bucket{le="5"} 1
      req_bucket{le="1000000"} 2
      req_bucket{le="+Inf"} 3
      req_sum 4
      req_count 5
      other 6
      """)
    #expect(
      describe(batch) == [
        #"http_requests_total{code="200",method="post"} 1027.0 @1395066363000"#,
        #"http_requests_total{code="400",method="post"} 3.0"#,
        #"msdos_file_access_time_seconds{error="Cannot find file:\n\"FILE.TXT\"",path="C:\\DIR\\FILE.TXT"} 1458255915.0"#,
        #"metric_without_timestamp_and_labels{} 12.47"#,
        #"rpc{quantile="0.5"} NaN"#, #"rpc{quantile="1.0"} -inf"#, "rpc_sum{} 17560473.0", "rpc_count{} 2693.0",
        #"req_bucket{le="5.0"} 1.0"#, #"req_bucket{le="1e+06"} 2.0"#, #"req_bucket{le="+Inf"} 3.0"#, "req_sum{} 4.0",
        "req_count{} 5.0", "other{} 6.0",
      ])
    #expect(
      families(batch) == [
        "http_requests_total counter \"The total\nnumber of \\ requests.\" 0..<2",
        "msdos_file_access_time_seconds unknown \"\" 2..<3", "metric_without_timestamp_and_labels unknown \"\" 3..<4",
        "rpc summary \"A summary.\" 4..<8", "req histogram \"\" 8..<13", "other unknown \"\" 13..<14",
      ])
  }

  @Test(arguments: [
    ("", []), ("\n\n  \t\n", []), ("a 1", ["a{} 1.0"]), ("  a\t1\t \n", ["a{} 1.0"]), ("a{} 1", ["a{} 1.0"]),
    ("a { b = \"c\" , } 1", [#"a{b="c"} 1.0"#]), ("a{b=\"c\" d=\"e\"} 1", [#"a{b="c",d="e"} 1.0"#]),
    ("a{b=\"\"} 1", ["a{} 1.0"]), ("a:b:c 1", ["a:b:c{} 1.0"]), ("a 1 -5\n", ["a{} 1.0 @-5"]),
    ("a{b=\"x\\y\"} 1", [#"a{b="x\\y"} 1.0"#]), ("a{b=\"ü\"} 1", [#"a{b="ü"} 1.0"#]),
    ("a{b=\"x\ny\"} 1", [#"a{b="x\ny"} 1.0"#]), ("a{Z=\"1\",b=\"2\"} 1", [#"a{Z="1",b="2"} 1.0"#]),
    ("# TYPE a gauge\na 1\n# EOF\n", ["a{} 1.0"]), ("# TYPE a gauge", []),
  ])
  func `pages at the edge of the grammar`(text: String, rows: [String]) throws {
    #expect(describe(try parse(text)) == rows)
  }

  @Test(arguments: [
    ("a", "line 1: expected a number as value"), ("a 1\nb x\n", "line 2: expected a number as value"),
    ("\n\n1a 1", "line 3: expected a metric name"), ("a 1 2 3", "line 1: expected the end of the line"),
    ("a 1 2.5", "line 1: expected a timestamp in milliseconds or the end of the line"),
    ("a 1 99999999999999999999", "line 1: expected a timestamp in milliseconds or the end of the line"),
    ("a{", "line 1: expected a label name or }"), ("a{b} 1", "line 1: expected = after a label name"),
    ("a{b=c} 1", "line 1: expected a label value in quotes"),
    ("a{b=\"c} 1\n", "line 1: a string without closing quote"),
    ("a{b=\"c\\", "line 1: a string without closing quote"), ("a{b=\"c\\\"", "line 1: a string without closing quote"),
    ("a{b=\"c\"", "line 1: expected a label name or }"), ("a{1b=\"c\"} 1", "line 1: expected a label name or }"),
    ("a{b=\"1\",b=\"2\"} 1", "line 1: label b is given twice"),
    ("a{__name__=\"b\"} 1", "line 1: label __name__ is given twice"),
    ("{b=\"c\"} 1", "line 1: a sample without metric name"),
    ("a{\"b\"} 1", "line 1: the metric has two names"), ("# TYPE a foo", "line 1: unknown metric type"),
    ("# TYPE a", "line 1: unknown metric type"), ("# HELP", nil), ("# HELP ", "line 1: expected a metric name"),
    ("# TYPE 1 gauge", "line 1: expected a metric name"), ("a 1\r\n", "line 1: expected a number as value"),
    ("a 1e999", "line 1: expected a number as value"), ("a\0b 1", "line 1: expected a number as value"),
  ])
  func `what is wrong is said with its line`(text: String, error: String?) {
    #expect(failure(text) == error)
  }

  @Test func `bytes that are not UTF-8 are refused in values and help`() {
    var parser = ExpositionParser(format: .prometheusText)
    for start in ["a{b=\"", "# HELP a "] {
      var page = Array(start.utf8)
      page.append(0xff)
      page.append(contentsOf: "\"} 1\n".utf8)
      var batch = SeriesBatch()
      #expect(throws: ExpositionError.self) { try parser.parse(page.span, into: &batch) }
    }
  }

  @Test func `a line of more than a megabyte is refused, and one with a thousand labels sorted`() throws {
    #expect(
      failure("a{b=\"\(String(repeating: "x", count: 1 << 20))\"} 1") == "line 1: a line longer than 1048576 bytes")
    let labels = (0..<1000).shuffled().map { "l\($0)=\"v\"" }
    let batch = try parse("a{\(labels.joined(separator: ","))} 1")
    #expect(batch.labels(at: 0).labels.map(\.name) == ["__name__"] + (0..<1000).map { "l\($0)" }.sorted())
    #expect(failure("a{\(labels.joined(separator: ",")),l7=\"again\"} 1") == "line 1: label l7 is given twice")
  }

  // MARK: Quoted names

  @Test(arguments: [
    (NameEscaping.underscores, #"my_metric{a_b="1"} 2.0"#), (.allowUTF8, #"my.metric{a.b="1"} 2.0"#),
    (.dots, #"my_dot_metric{a_dot_b="1"} 2.0"#), (.values, #"U__my_2e_metric{U__a_2e_b="1"} 2.0"#),
  ])
  func `quoted names are escaped as configured`(escaping: NameEscaping, row: String) throws {
    let batch = try parse(
      "# TYPE \"my.metric\" gauge\n{\"my.metric\",\"a.b\"=\"1\"} 2\n", escaping: escaping)
    #expect(describe(batch) == [row])
    #expect(batch.families.count == 1 && batch.familyDescription(at: 0).type == .gauge)
  }

  @Test func `names of every script become underscores, a character each`() {
    #expect(NameEscaping.underscores.escape("größe.m³", allowColon: true) == "gr__e_m_")
    #expect(NameEscaping.underscores.escape("1a:b", allowColon: false) == "_a_b")
    #expect(NameEscaping.values.escape("a_b.c", allowColon: true) == "U__a__b_2e_c")
    #expect(NameEscaping.dots.escape("a_b.c d", allowColon: true) == "a__b_dot_c__d")
    #expect(NameEscaping.values.escape("plain_name", allowColon: true) == "plain_name")
  }

  // MARK: OpenMetrics

  @Test func `an OpenMetrics page brings units, seconds and exemplars`() throws {
    let batch = try parse(
      """
      # TYPE latency_seconds histogram
      # UNIT latency_seconds seconds
      # HELP latency_seconds Says \\"hello\\".
      latency_seconds_bucket{le="0.1"} 8 1700000000.25 # {trace_id="a b"} 0.054 1700000000.5
      latency_seconds_bucket{le="1"} 9 # {} 0.67
      latency_seconds_count 9
      latency_seconds_sum 3.5
      # TYPE requests counter
      requests_total{path="/"} 3 1700000000
      requests_created{path="/"} 1600000000.5
      # TYPE build info
      build_info{version="1"} 1
      # EOF

      """, .openMetrics)
    #expect(
      describe(batch) == [
        #"latency_seconds_bucket{le="0.1"} 8.0 @1700000000250"#, #"latency_seconds_bucket{le="1.0"} 9.0"#,
        "latency_seconds_count{} 9.0", "latency_seconds_sum{} 3.5", #"requests_total{path="/"} 3.0 @1700000000000"#,
        #"requests_created{path="/"} 1600000000.5"#, #"build_info{version="1"} 1.0"#,
      ])
    #expect(
      families(batch) == [
        "latency_seconds histogram \"Says \"hello\".\" [seconds] 0..<4", "requests counter \"\" 4..<6",
        "build info \"\" 6..<7",
      ])
    #expect(
      batch.exemplars == [
        .init(row: 0, labels: LabelSet(["trace_id": "a b"]), value: 0.054, timestampMilliseconds: 1_700_000_000_500),
        .init(row: 1, labels: .empty, value: 0.67, timestampMilliseconds: nil),
      ])
  }

  @Test(arguments: [
    ("", "line 1: the page does not end with # EOF"), ("a 1\n", "line 1: the page does not end with # EOF"),
    ("# EOF\na 1\n", "line 1: there is data after # EOF"), ("# EOF", nil), ("# EOF\n", nil),
    ("\n# EOF\n", "line 1: expected a metric name"),
    ("# comment\n# EOF\n", "line 1: OpenMetrics allows only HELP, TYPE, UNIT and EOF after #"),
    ("#EOF\n", "line 1: expected a space after #"), ("a  1\n# EOF\n", "line 1: expected a space and a number as value"),
    ("a 1 \n# EOF\n", "line 1: expected a timestamp in seconds"),
    ("a 1 NaN\n# EOF\n", "line 1: a timestamp out of range"),
    ("a 1 1e300\n# EOF\n", "line 1: a timestamp out of range"),
    ("a{b=\"c\" d=\"e\"} 1\n# EOF\n", "line 1: expected , or } after a label"),
    ("a{b=\"c\nd\"} 1\n# EOF\n", "line 1: a string without closing quote"),
    ("a 1 # {b=\"c\"}\n# EOF\n", "line 1: expected a space and a number as the exemplar's value"),
    ("a 1 # {b=\"c\"} 1 2 3\n# EOF\n", "line 1: expected the end of the line"),
    ("a 1 # {b=\"c\",b=\"d\"} 1\n# EOF\n", "line 1: label b is given twice"),
    ("a 1 # {\"b\"} 1\n# EOF\n", "line 1: an exemplar has no metric name"),
    ("# TYPE a untyped\n# EOF\n", "line 1: unknown metric type"),
    ("# UNIT a seconds\n# EOF\n", "line 1: the unit is not the end of the metric's name"),
  ])
  func `OpenMetrics is strict`(text: String, error: String?) {
    #expect(failure(text, .openMetrics) == error)
  }

  // MARK: Anything at all

  @Test func `no mutation of a page crashes the parser, and what it yields is well formed`() {
    let seeds = [
      "# HELP a b\\n\n# TYPE a histogram\na_bucket{le=\"0.5\",x=\"\\\"\\\\\"} 1 17\n{\"ü.b\",c=\"d\"} +Inf\nnan NaN\n",
      "# TYPE a counter\n# UNIT a_s s\na_total{b=\"c\"} 1e5 1.5 # {t=\"1\"} 2 3\n# EOF\n",
    ]
    var random = SeededGenerator(seed: 42)
    for _ in 0..<20_000 {
      var page = Array(seeds.randomElement(using: &random)!.utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&page, &random) }
      for format in [ExpositionFormat.prometheusText, .openMetrics] {
        var parser = ExpositionParser(format: format)
        var batch = SeriesBatch()
        try? parser.parse(page.span, into: &batch)
        for index in batch.rows.indices {
          let names = batch.labels(at: index).labels.map { Array($0.name.utf8) }
          #expect(zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
        }
      }
    }
  }

  private func mutate(_ page: inout [UInt8], _ random: inout SeededGenerator) {
    guard !page.isEmpty else { return }
    let place = Int.random(in: 0..<page.count, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: page[place] = UInt8.random(in: 0...255, using: &random)
    case 1: page.remove(at: place)
    case 2: page.insert("{}\",=\\# \n1".utf8.randomElement(using: &random)!, at: place)
    default: page.removeSubrange(place...)
    }
  }

  @Test func `a page of ten megabytes is read to its end`() throws {
    var page = "# TYPE node_cpu_seconds_total counter\n"
    var lines = 0
    while page.utf8.count < 10 << 20 {
      page += "node_cpu_seconds_total{cpu=\"\(lines)\",mode=\"idle\"} \(lines).25\n"
      lines += 1
    }
    let batch = try parse(page)
    #expect(batch.count == lines && batch.families.count == 1)
    #expect(batch.rows[lines - 1].valueBits == (Double(lines - 1) + 0.25).bitPattern)
  }
}
