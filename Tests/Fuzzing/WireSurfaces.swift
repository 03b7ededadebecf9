// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Telemetry

@testable import Hub
@testable import Wire

let wireSurfaces = [
  Surface(
    "snappy", seeds: { (writeSeeds + pushSeeds).map(compressed) }, longest: 64 << 10,
    examine: {
      { input in
        var output: [UInt8] = []
        guard (try? Snappy.uncompress(input.span, limit: 4 << 20, into: &output)) != nil else { return }
        try require(output.count == Snappy.uncompressedLength(input.span), "it is not as long as it says")
        var back: [UInt8] = []
        try Snappy.uncompress(compressed(output).span, limit: output.count, into: &back)
        try require(back == output, "compressed again, it is something else")
      }
    }),
  Surface(
    "write-request", seeds: { writeSeeds },
    examine: {
      let store = Mutex(SeriesStore(limits: smallSeriesLimits))
      return { input in
        try checkHalves(of: input, splitWriteRequest(input.span))
        guard let request = try? decodeWriteRequest(input.span, memoryBudget: 8 << 20) else { return }
        try? store.withLock { try $0.write(request, now: 1_700_000_000_000) }
        try require(store.withLock { $0.seriesCount } <= smallSeriesLimits.maxSeries, "more series than the limit")
      }
    }),
  Surface(
    "push-request", seeds: { pushSeeds },
    examine: {
      let store = Mutex(StreamStore(windowBytes: 1 << 20))
      return { input in
        if let halves = splitPushRequest(input.span) {
          let total = countRequest(input.span)
          try require(
            total?.samples == halves.first.counts.samples + halves.second.counts.samples, "a half has other entries")
        }
        for stream in streamPushes(input.span) ?? [] {
          try require(stream.bytes.count == stream.byteCount, "a stream is not as long as it says")
          if let (first, rest) = stream.halves() {
            try require(first.entryCount + rest.entryCount == stream.entryCount, "entries lost in halving")
          }
          _ = stream.split(atMost: 100)
        }
        guard let request = try? decodePushRequest(input.span, memoryBudget: 8 << 20) else { return }
        try? store.withLock { try $0.push(request, tenant: "", now: 1_700_000_000_000_000_000) }
      }
    }),
  Surface(
    "stored-pushes", seeds: { storedPushSeeds },
    examine: {
      { input in
        for items in [1, 3] {
          for push in storedPushes(kind: PushBlockKind.byStream, items: items, input.span) ?? [] {
            var bytes: [UInt8] = []
            try? Snappy.uncompress(input.span.extracting(push.snappy), limit: 1 << 20, into: &bytes)
            let name = input.span.extracting(push.tenant)
            _ = streamPushes(bytes.span, tenant: (0..<name.count).map { name[$0] })
          }
        }
      }
    }),
  Surface(
    "push-json",
    seeds: [
      #"{"streams": [{"stream": {"app": "x"}, "values": [["1700000000000000000", "a line", {"trace": "7"}], ["1", "\ud83d\ude00"]]}]}"#,
      #"{"streams":[{"stream":{},"values":[]}],"more":[1.5e3,true,null,{"a":[]}]}"#,
    ], tokens: [#""streams":"#, #""stream":"#, #""values":["#, #"{"a":"b"}"#, #"\ud83d"#, "true", "null", "1e5"]
  ) { input in
    guard let request = try? decodePushRequest(json: input) else { return }
    try require(request.streams.allSatisfy { !$0.entries.isEmpty }, "a stream without entries")
  },
  Surface(
    "stream-labels", seeds: [#"{app="x", host="y\n\x41\u00e4\101"}"#, "{a=`raw`}", "{}"],
    tokens: ["{", "}", "=\"", "\",", "\\x", "\\u0041", "\\U0001F600", "\\377", "\\400", "`", "a="]
  ) { input in
    guard let labels = try? parseStreamLabels(text(input)) else { return }
    try require(try parseStreamLabels("\(LabelSet(labels))") == labels, "written and read again, labels differ")
  },
]

private let smallSeriesLimits = {
  var limits = SeriesStore.Limits()
  limits.windowBytes = 64 << 10
  limits.maxSeries = 2000
  limits.outOfOrderWindow = 1000
  return limits
}()

private func compressed(_ bytes: [UInt8]) -> [UInt8] {
  var block: [UInt8] = []
  Snappy.compress(bytes.span, into: &block)
  return block
}

/// Halves put together are the whole.
private func checkHalves(of input: [UInt8], _ halves: (first: RequestPart, second: RequestPart)?) throws {
  guard let halves else { return }
  try require(halves.first.bytes + halves.second.bytes == input, "the halves are not the whole")
  let total = countRequest(input.span)
  try require(
    total?.series == halves.first.counts.series + halves.second.counts.series
      && total?.samples == halves.first.counts.samples + halves.second.counts.samples, "the halves hold something else")
}

private let writeSeeds: [[UInt8]] = [1, 5, 100].map { count in
  var encoder = RemoteWriteEncoder()
  encoder.begin()
  for number in 0..<count {
    let labels = LabelSet(["__name__": "metric_\(number)", "instance": "host:9100", "le": "+Inf"]).packed
    encoder.add(
      packedLabels: labels.span, valueBits: Double(number).bitPattern,
      timestampMilliseconds: 1_700_000_000_000 - Int64(number),
      exemplars: [
        SeriesBatch.Exemplar(row: 0, labels: LabelSet(["trace": "x"]), value: 1, timestampMilliseconds: nil)
      ])
  }
  return encoder.bytes
}

private let pushSeeds: [[UInt8]] = [1, 3, 20].map { count in
  var encoder = PushEncoder()
  encoder.begin()
  for stream in 0..<count {
    let labels = LabelSet(["app": "x", "stream": "\(stream)"]).packed
    encoder.beginStream(packedLabels: labels.span)
    for entry in 0..<count {
      encoder.add(
        timestampNanoseconds: 1_700_000_000_000_000_000 - Int64(entry), line: Array("line \(entry)".utf8).span,
        metadata: LabelSet(["trace": "7"]).packed.span)
    }
    encoder.endStream()
  }
  encoder.endStream()
  return encoder.bytes
}

private let storedPushSeeds: [[UInt8]] = [1, 3].map { count in
  var encoder = PushEncoder()
  for stream in 0..<count {
    let labels = LabelSet(["stream": "\(stream)"]).packed
    encoder.beginStream(packedLabels: labels.span, tenant: Array("tenant \(stream)".utf8).span)
    encoder.add(timestampNanoseconds: 1, line: Array("a line".utf8).span)
  }
  var block: [UInt8] = []
  _ = encoder.finish(into: &block)
  return block
}
