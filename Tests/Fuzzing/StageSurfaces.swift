// SPDX-License-Identifier: Apache-2.0

import Linux
import RE2
import Syntax
import Telemetry

@testable import Components
@testable import Stages

let stageSurfaces = [
  // Lines through every pipeline of the fixtures. The first byte chooses which.
  Surface(
    "log-lines",
    seeds: {
      try stageDocuments().enumerated().map { number, document in [UInt8(truncatingIfNeeded: number)] + document.lines }
    }, tokens: lineTokens, runs: 600,
    examine: {
      let documents = try stageDocuments()
      let pipelines = documents.compactMap { steps($0.stages) }
      return { input in try run(pipelines[Int(input.first ?? 0) % pipelines.count], on: Array(input.dropFirst())) }
    }),
  // Stages as nobody would write them, with lines to work on.
  Surface("stages", seeds: { try stageDocuments().map(\.whole) }, tokens: stageTokens, runs: 500) {
    { input in
      let document = StageDocument(input)
      if let steps = steps(document.stages) { try run(steps, on: document.lines) }
    }
  },
  Surface(
    "template",
    seeds: [
      "{{ .Value | ToUpper }} {{ if eq .a \"x\" }}1{{ else }}{{ len .b }}{{ end }}",
      "{{ range $i, $e := splitList \",\" .Value }}{{ $i }}={{ $e }};{{ end }}",
      "{{ toDate \"2006-01-02 15:04:05\" .Value | unixEpoch }} {{ date \"Jan _2 .000\" now }}",
      "{{ printf \"%08.3f %-5d %q %x %v\" (float64 .Value) (int .a) .b .Value . }}",
      "{{ regexReplaceAll \"([a-z]+)(\\\\d*)\" .Value \"${1}-$2\" }}{{ .Value | Replace \"a\" \"bb\" -1 }}",
      "{{ (fromJson .Value).a.b | toJson }} {{ substr 0 -1 .Value }} {{ trunc -3 .Value }} {{ div .a 0 }}",
      "{{ b64enc .Value | b64dec }}{{ Sha2Hash .Value \"s\" }}{{ mul 9223372036854775807 2 }}",
    ],
    tokens: [
      "{{", "}}", "{{-", "-}}", " | ", ".Value", "$", "$x := ", "range", "end", "else", "if", "with", "toDate ",
      "\"2006-01-02 15:04:05\" ", "\"1677-09-21 00:12:44\"", "\"2262-04-11 23:47:17\"", "unixEpoch", "printf \"%*d\" ",
      "fromJson", "index", "int64 ", "-9223372036854775808", "9223372036854775807", "div ", "mod ", "-1", "substr ",
      "splitList ", "date ", "dateInZone ", "\"UTC\"", "repeat ", "index . ", "len ",
    ]
  ) { input in
    guard let template = try? GoTemplate(text(input)) else { return }
    var output: [UInt8] = []
    var fields = TemplateFields()
    for value in [
      Array("1677-09-21 00:12:44".utf8), Array(#"{"a":{"b":[1,{"c":"d"}]}}"#.utf8), Array("-9223372036854775808".utf8),
      input,
    ] {
      fields.removeAll()
      for name in ["Value", "a", "b"] { fields.set(Array(name.utf8), to: value) }
      output.removeAll(keepingCapacity: true)
      _ = template.execute(fields, into: &output)
      try require(output.count <= 4 * GoTemplate.outputLimit + input.count, "it makes \(output.count) bytes")
    }
  },
  // An expression and, behind a newline, a document.
  Surface(
    "jmespath",
    seeds: [
      "a.b[0]\n{\"a\":{\"b\":[1,2,3]}}", "[*].a | [-1]\n[{\"a\":1},{\"a\":\"\\ud83d\\ude00\"}]",
      "*.*\n{\"a\":{\"b\":1e400}}", "\"q\\u0041\" || `{\"x\": [1]}` || 'raw'\n{}",
      "(a || b).c\n{\"b\":{\"c\":{\"z\":1,\"y\":[null]}}}",
    ],
    tokens: ["[*]", ".*", "[-1]", "[2147483647]", " | ", " || ", "@", "`1`", "'", "\"a\"", "{\"a\":", "[[", "\\ud83d"]
  ) { input in
    let (source, document) = split(input)
    guard let path = try? JMESPath(text(source)), let value = JSONScanner.document(document.span) else { return }
    var output: [UInt8] = []
    path.search(value, in: document.span).appendText(in: document.span, to: &output)
    // Numbers may be written longer than they were: `1e300`.
    try require(output.count <= 400 * (input.count + 1), "it makes \(output.count) bytes of \(input.count)")
  },
  // A layout and, behind a newline, a text.
  Surface(
    "timestamp",
    seeds: (TimestampFormat.named.keys.sorted() + ["Unix", "UnixMs", "UnixUs", "UnixNs"]).map { "\($0)\n1700000000.5" }
      + [
        "2006-01-02 15:04:05,000\n1677-09-21 00:12:43,145", "02/Jan/2006:15:04:05 -0700\n11/Apr/2262:23:47:16 +0000",
        "Jan _2 15:04:05\nFeb 29 23:59:59", "2006 002 MST\n2024 366 GMT+14",
        "Monday January 2 2006 pm\nTuesday July 4 1999 am",
        "2006-01-02T15:04:05.999999999Z07:00:00\n9999-12-31T23:59:59.999999999+24:60:60",
      ],
    tokens: [
      "2006", "01", "02", "15", "04", "05", ".000", ".999999999", "-07:00", "Z0700", "MST", "Jan", "Monday", "PM",
      "__2", "_2",
      "GMT+23", "GMT-23", "UTC", "CEST", "9999", "0000", "1677", "2262", "23:59:60", "24:00",
    ], longest: 512, runs: 333
  ) { input in
    let (layout, written) = split(input)
    for zone in [nil, TimeZone.utc, try? TimeZone.named("Europe/Vienna")] {
      let format = TimestampFormat(text(layout), location: zone)
      guard let moment = format.parse(written.span, now: 1_700_000_000_000_000_000) else { continue }
      var output: [UInt8] = []
      TimeLayout(text(layout)).append(moment, zone ?? .utc, to: &output)
      TemplateValue.time(moment, zone ?? .utc).append(to: &output)
    }
    _ = parseRFC3339(written.span)
  },
  // A time zone's file, and the moments at which it changes.
  Surface(
    "zone-file",
    seeds: {
      ["Europe/Vienna", "America/New_York", "Asia/Kathmandu", "UTC"].compactMap {
        try? readFile("/usr/share/zoneinfo/\($0)", limit: 256 << 10)
      }
    }, longest: 8 << 10, runs: 266
  ) {
    { input in
      guard let zone = parseZoneFile(input) else { return }
      for moment: Int64 in [0, -1, 1_700_000_000, -9_223_372_037, 9_223_372_036, 253_402_300_799, 32_503_680_000] {
        _ = zone.lookup(moment)
        _ = zone.seconds(of: CivilTime(seconds: moment, nanosecond: 0))
        _ = zone.offset(named: Array("CET".utf8), shown: moment)
      }
    }
  },
  // A regular expression, a replacement and a text, on lines of their own.
  Surface(
    "regex",
    seeds: ["(?P<a>\\w+)=(\\d*)\n${a}$2$$\nx=1 y= z=33", "\n-\n\u{e4}bc", "(a|b)*c|(d)\n$9999999999999999999\nabcd"],
    tokens: [
      "(?P<", "(?i)", "{1000}", "{0,1000}", "\\pL", "[[:alpha:]]", "(a*)*", ".*", "^", "$", "\\b", "${", "$0", "\\C",
    ], runs: 500
  ) { input in
    let (source, rest) = split(input)
    let (replacement, subject) = split(rest)
    guard let pattern = try? Pattern(text(source)) else { return }
    let output = replaceAll(pattern, in: subject, with: replacement, isLiteral: false, limit: 64 << 10)
    try require((output?.count ?? 0) <= 64 << 10, "more than the limit")
    _ = pattern.matches(subject.span)
  },
  Surface(
    "selector", seeds: ["{app=\"x\", job=~\"a|b\"} |= \"text\" !~ `r.*`", "{a!=\"\"}"],
    tokens: ["{", "}", "=~\"", "!~`", "|=", "!=", "|~", "\"", "`", ", "]
  ) { input in
    guard let selector = try? Selector(text(input)) else { return }
    var entry = LogEntry()
    entry.load(line: input.span, labels: LabelSet(["app": "x"]).packed.span, timestampNanoseconds: 0)
    _ = selector.selects(entry)
  },
]

/// A document of the stages' fixtures: stages and the lines they are given.
private struct StageDocument {
  let whole: [UInt8]
  let stages: String
  let lines: [UInt8]

  init(_ bytes: [UInt8]) {
    whole = bytes
    let parts = text(bytes).split(separator: "----------\n", maxSplits: 2, omittingEmptySubsequences: false)
    stages = String(parts[0])
    lines = parts.count > 1 ? Array(parts[1].utf8) : Array("a=1 b=\"c\" {\"a\":\"b\"}\n".utf8)
  }
}

private func stageDocuments() throws -> [StageDocument] {
  try fixtures("ComponentsTests", "stages").map { StageDocument($0) }
}

private func steps(_ stages: String) -> [PipelineStep]? {
  let (body, mistakes) = parse(SourceFile(name: "stages", text: "loki.process \"test\" {\n\(stages)}\n"))
  guard mistakes.isEmpty, let block = body.blocks.first else { return nil }
  let decoder = BlockDecoder(evaluate(block, in: Scope()).block)
  let steps = PipelineStep.decode(decoder)
  return decoder.finish().contains { $0.severity == .error } ? nil : steps
}

/// Each line of `lines` is an entry; all of them leave in the end, or are dropped.
private func run(_ steps: [PipelineStep], on lines: [UInt8]) throws {
  var pipeline = Stages.Pipeline(steps)
  var batch = LogBatch(origin: "fuzz")
  batch.sources = [LogBatch.Source(name: Array("file".utf8), position: [])]
  batch.labelSets = [LabelSet(["app": "x", "filename": "/a/b"])]
  for line in lines.split(separator: 0x0a).prefix(200) {
    // The fixtures' own labels are no part of the line.
    let line = line.first == UInt8(ascii: "{") ? line.drop { $0 != UInt8(ascii: "}") }.dropFirst(2) : line
    batch.append(
      line: Array(line).span, timestampNanoseconds: 1_767_225_600_000_000_000, labels: 0, source: 0,
      position: Array("\(batch.entries.count)".utf8).span)
  }
  var moment = Moment(wall: 1_767_225_600_000_000_000, monotonic: 1_000_000_000_000)
  var progress = pipeline.process(batch, at: moment)
  while case .waiting(let until, let batches) = progress {
    try checkBatches(batches)
    moment.monotonic = until
    progress = pipeline.resume(at: moment)
  }
  if case .finished(let batches) = progress { try checkBatches(batches) }
  try require(pipeline.heldBytes <= Pipeline.heldBytesLimit + (2 << 20), "it holds \(pipeline.heldBytes) bytes")
  moment.monotonic += 3_600_000_000_000
  try checkBatches(pipeline.releaseDue(at: moment))
  try checkBatches(pipeline.releaseAll(of: "fuzz", at: moment))
  try require(pipeline.heldEntries == 0, "it keeps \(pipeline.heldEntries) entries for ever")
}

/// What leaves can be sent: labels and lines are where the batch says.
private func checkBatches(_ batches: [LogBatch]) throws {
  var encoder = LogBlockEncoder(externalLabels: LabelSet(["host": "h"]), tenant: "", maxStreams: 15)
  _ = encoder.encode(batches, positions: [], now: 1_767_225_600_000)
  for batch in batches {
    for entry in batch.entries {
      try require(batch.labelSets.indices.contains(Int(entry.labels)), "an entry without labels")
      try require(entry.line.upperBound <= batch.bytes.count, "an entry beyond its batch")
      _ = LabelSet(packed: Array(batch.bytes[entry.metadata])).labels
    }
  }
}

private let lineTokens = [
  "2026-11-23T12:38:51.000000007Z stdout F ", " stderr P ", "{\"log\":\"",
  "\",\"stream\":\"stdout\",\"time\":\"2026-11-23T12:38:51Z\"}",
  "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z", "a=", "b=\"c d\"", "level=", "{\"a\":", "\"b\":[",
  "null",
  "true", "1e400", "\\u0000", "\\ud83d\\ude00", "\u{1b}[31m", "\u{1b}[", "status=200", "GET / HTTP/1.1", "\n",
]

private let stageTokens = [
  "stage.cri { }\n", "stage.docker { }\n", "stage.json { expressions = { a = \"b\" } }\n",
  "stage.logfmt { mapping = { a = \"\" } }\n",
  "stage.regex { expression = \"(?P<a>.*)\" }\n", "stage.template { source = \"a\"\n template = \"{{ .Value }}\" }\n",
  "stage.timestamp { source = \"a\"\n format = \"Unix\" }\n",
  "stage.multiline { firstline = \"^a\"\n max_lines = 2 }\n",
  "stage.replace { expression = \"(a)\"\n replace = \"b\" }\n", "stage.pack { labels = [\"app\"] }\n",
  "stage.limit { rate = 1\n burst = 1 }\n", "stage.drop { older_than = \"1h\" }\n", "stage.output { source = \"a\" }\n",
  "stage.match { selector = \"{app=\\\"x\\\"}\"\n stage.cri { } }\n", "stage.decolorize { }\n",
  "stage.sampling { rate = 0.5 }\n",
  "stage.labels { values = { a = \"\" } }\n", "stage.structured_metadata { values = { a = \"\" } }\n",
  "stage.tenant { value = \"t\" }\n",
  "max_wait_time = \"", "max_lines = ", "burst = ", "rate = ", "longer_than = \"", "h", "----------\n",
]
