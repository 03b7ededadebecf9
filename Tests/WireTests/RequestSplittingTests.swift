// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing
import Wire

@Suite struct RequestSplittingTests {
  @Test func `the halves concatenated are the request, and their counts add up`() throws {
    var random = SeededGenerator(state: 8)
    for series in 2..<40 {
      let request = RandomRequest(series: series, &random)
      let halves = try #require(split(request.encoder.bytes))
      #expect(halves.first.bytes + halves.second.bytes == request.encoder.bytes)
      #expect(halves.first.counts.series == series / 2)
      #expect(halves.first.counts.samples + halves.second.counts.samples == series)
      #expect(
        try decodeWriteRequest(halves.first.bytes.span).series == Array(request.expected.series.prefix(series / 2)))
      #expect(countRequest(halves.second.bytes.span) == halves.second.counts)
    }
  }

  @Test func `splitting again and again isolates every series`() throws {
    var random = SeededGenerator(state: 9)
    let request = RandomRequest(series: 13, &random)
    var open = [request.encoder.bytes]
    var single: [WriteRequest.Series] = []
    while let next = open.popLast() {
      if let halves = splitWriteRequest(next.span) {
        open += [halves.second.bytes, halves.first.bytes]
      } else {
        single += try decodeWriteRequest(next.span).series
      }
    }
    #expect(single == request.expected.series)
  }

  @Test func `requests merge by concatenation`() throws {
    var random = SeededGenerator(state: 10)
    let requests = (0..<5).map { RandomRequest(series: $0, &random) }
    let merged = requests.flatMap(\.encoder.bytes)
    #expect(try decodeWriteRequest(merged.span).series == requests.flatMap(\.expected.series))
    #expect(countRequest(merged.span)?.samples == 10)
  }

  @Test func `one series, nothing, and noise cannot be split`() {
    var random = SeededGenerator(state: 11)
    let one = RandomRequest(series: 1, &random).encoder.bytes
    #expect(splitWriteRequest(one.span) == nil)
    #expect(splitWriteRequest([UInt8]().span) == nil)
    #expect(splitWriteRequest(Array((one + one).dropLast()).span) == nil)
    #expect(countRequest(Array((one + one).dropLast()).span) == nil)
    #expect(countRequest([0xff, 0xff].span) == nil)
  }

  @Test func `metadata is split too`() throws {
    let families = (0..<5).map { MetricFamily(name: "m\($0)", type: .gauge, help: "") }
    let halves = try #require(split(encodeMetadata(families)))
    #expect(halves.first.counts.metadata == 2 && halves.second.counts.metadata == 3)
    #expect(try decodeWriteRequest(halves.second.bytes.span).metadata == Array(families[2...]))
  }

  @Test func `a push is split between streams, then between entries, down to one line`() throws {
    var encoder = PushEncoder()
    for name in ["a", "b"] {
      encoder.beginStream(packedLabels: LabelSet(["app": name]).packed.span)
      for line in ["1", "2", "3"] { encoder.add(timestampNanoseconds: 5, line: Array((name + line).utf8).span) }
    }
    encoder.endStream()
    var open = [encoder.bytes]
    var lines: [String] = []
    while let next = open.popLast() {
      if let halves = splitPushRequest(next.span) {
        #expect(countRequest(halves.first.bytes.span) == halves.first.counts)
        open += [halves.second.bytes, halves.first.bytes]
        continue
      }
      let request = try decodePushRequest(next.span)
      #expect(request.streams.count == 1 && request.streams[0].entries.count == 1)
      let line = String(decoding: request.streams[0].entries[0].line, as: UTF8.self)
      #expect(request.streams[0].labels == [Label("app", String(line.prefix(1)))])
      lines.append(line)
    }
    #expect(lines == ["a1", "a2", "a3", "b1", "b2", "b3"])
  }

  private func split(_ bytes: [UInt8]) -> (first: RequestPart, second: RequestPart)? { splitWriteRequest(bytes.span) }
}
