// SPDX-License-Identifier: Apache-2.0

import Scrape
import Telemetry
import Wire

let scrapeSurfaces = [
  pages("prometheus-text", .prometheusText), pages("openmetrics", .openMetrics),
]

/// Pages of metrics, and the way what is read takes to the queue.
private func pages(_ name: String, _ format: ExpositionFormat) -> Surface {
  Surface(name, seeds: exampleSeeds(format), tokens: pageTokens, runs: 600) { input in
    for escaping in [NameEscaping.underscores, .allowUTF8, .values] {
      var parser = ExpositionParser(format: format, escaping: escaping, keepsEmptyValues: escaping == .values)
      var batch = SeriesBatch()
      let succeeded = (try? parser.parse(input.span, into: &batch)) != nil
      var again = SeriesBatch()
      try require(((try? parser.parse(input.span, into: &again)) != nil) == succeeded, "read again, it is another page")
      try require(
        again.count == batch.count && again.labelBytes == batch.labelBytes, "read again, it has other samples")
      for family in batch.families.indices { _ = batch.familyDescription(at: family) }
      try checkDelivery(of: batch)
      try append(batch)
    }
  }
}

/// What was read can be sent, and comes out as it went in.
private func checkDelivery(of batch: SeriesBatch) throws {
  var encoder = RemoteWriteEncoder()
  encoder.begin()
  for (row, place) in batch.rows.enumerated() {
    let labels = Array(batch.labelBytes[place.labels])
    encoder.add(
      packedLabels: labels.span, valueBits: place.valueBits, timestampMilliseconds: place.timestampMilliseconds ?? 1,
      exemplars: batch.exemplars.filter { $0.row == row })
  }
  let request = try decodeWriteRequest(encoder.bytes.span)
  try require(request.series.count == batch.count, "\(batch.count) samples, of which \(request.series.count) arrive")
  for (series, place) in zip(request.series, batch.rows) {
    try require(series.samples.first?.valueBits == place.valueBits, "a value changes on its way")
    try require(
      series.labels.map(\.name) == series.labels.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
      "labels out of order")
  }
}

/// As a scrape does, twice, so that some series end.
private func append(_ batch: SeriesBatch) throws {
  var settings = ScrapeSettings(jobName: "j")
  settings.honorLabels = batch.count % 2 == 0
  settings.sampleLimit = 1000
  var appender = SampleAppender(
    labels: LabelSet(["instance": "h:1", "job": "j"]), timeout: .seconds(1), settings: settings)
  var outgoing = SeriesBatch()
  let facts = ScrapeFacts(timestampMilliseconds: 1_700_000_000_000, duration: .milliseconds(3), bodySize: 100)
  _ = appender.append(batch, facts, into: &outgoing)
  _ = appender.append(SeriesBatch(), facts, into: &outgoing)
  for row in outgoing.rows.indices { _ = outgoing.labels(at: row) }
}

private let pageTokens = [
  "# HELP ", "# TYPE ", "# UNIT ", "# EOF\n", " counter\n", " gauge\n", " histogram\n", " summary\n", " untyped\n",
  " gaugehistogram\n", " stateset\n", " info\n", "_total", "_bucket", "_created", "le=\"", "quantile=\"", "{", "}",
  "=\"",
  "\",", " # {", "\\n", "\\\\", "\\\"", "+Inf", "-Inf", "NaN", " 1700000000", " 1700000000.123", "{\"quoted.name\"",
  "a{b=\"c\"} 1\n",
]

private func exampleSeeds(_ format: ExpositionFormat) -> [String] {
  switch format {
  case .prometheusText: textSeeds
  case .openMetrics: openMetricsSeeds
  }
}

private let textSeeds = [
  """
  # HELP http_requests_total The total number of HTTP requests.
  # TYPE http_requests_total counter
  http_requests_total{method="post",code="200"} 1027 1395066363000
  http_requests_total{method="post",code="400"}    3 1395066363000

  # Escaping in label values:
  msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
  metric_without_timestamp_and_labels 12.47
  something_weird{problem="division by zero"} +Inf -3982045
  # TYPE http_request_duration_seconds histogram
  http_request_duration_seconds_bucket{le="0.05"} 24054
  http_request_duration_seconds_bucket{le="1"} 133988
  http_request_duration_seconds_bucket{le="+Inf"} 144320
  http_request_duration_seconds_sum 53423
  http_request_duration_seconds_count 144320
  # TYPE rpc_duration_seconds summary
  rpc_duration_seconds{quantile="0.01"} 3102
  rpc_duration_seconds_sum 1.7560473e+07

  """, "a 1\nb{c=\"d\",e=\"f\",} NaN\n{\"metric.name\",x=\"y\"} 0x1\n",
]

private let openMetricsSeeds = [
  """
  # TYPE acme_http_router_request_seconds summary
  # UNIT acme_http_router_request_seconds seconds
  # HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.
  acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32
  acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0
  acme_http_router_request_seconds_created{path="/api/v1",method="GET"} 1605281325.0
  # TYPE foo histogram
  foo_bucket{le="0.1"} 8 # {} 0.054
  foo_bucket{le="10.0"} 17 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
  foo_bucket{le="+Inf"} 17
  # TYPE state stateset
  state{state="a"} 1
  # EOF
  """, "# EOF\n", "a_total 1 -1.5\n# EOF",
]
