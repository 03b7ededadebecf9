// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing
import Wire

@Suite struct StreamPushTests {
  /// What is taken out of a push of streams by name, each with lines.
  func pushes(_ streams: (String, [String])...) throws -> [StreamPush] {
    var encoder = PushEncoder()
    for (name, lines) in streams {
      encoder.beginStream(packedLabels: LabelSet(["app": name]).packed.span)
      for line in lines { encoder.add(timestampNanoseconds: 5, line: Array(line.utf8).span) }
    }
    encoder.endStream()
    let pushes = streamPushes(encoder.bytes.span)
    return try #require(pushes)
  }

  func lines(_ stream: StreamPush) throws -> [String] {
    try decodePushRequest(stream.bytes.span).streams.flatMap { stream in
      stream.entries.map { String(decoding: $0.line, as: UTF8.self) }
    }
  }

  @Test func `streams are taken out in order, and put together again by key`() throws {
    let streams = try pushes(("a", ["1", "2"]), ("b", ["3"]), ("a", ["4"]), ("c", []))
    #expect(streams.map(\.entryCount) == [2, 1, 1])
    #expect(streams[0].key == streams[2].key && streams[0].key != streams[1].key)
    var first = streams[0]
    first.append(streams[2])
    #expect(first.entryCount == 3)
    #expect(try lines(first) == ["1", "2", "4"])
  }

  @Test func `a stream is cut where a limit is reached, and never to nothing`() throws {
    let texts = (0..<20).map { String(repeating: "x", count: 10 + $0) }
    var rest = try #require(try pushes(("a", texts)).first)
    var seen: [String] = []
    while let parts = rest.split(atMost: 100) {
      #expect(parts.first.byteCount <= 100 && parts.first.entryCount + parts.rest.entryCount == rest.entryCount)
      seen += try lines(parts.first)
      rest = parts.rest
    }
    #expect(seen + (try lines(rest)) == texts)
    #expect(rest.split(atMost: 1)?.first.entryCount == (rest.entryCount > 1 ? 1 : nil))
  }

  @Test func `halving again and again ends at single entries`() throws {
    var open = try pushes(("a", (0..<13).map { "\($0)" }))
    var seen: [String] = []
    while let next = open.popLast() {
      if let halves = next.halves() { open += [halves.rest, halves.first] } else { seen += try lines(next) }
    }
    #expect(seen == (0..<13).map { "\($0)" })
  }

  @Test func `noise is no push`() {
    let found = [[0xff, 0xff], [0x0a, 2, 0x12, 9], []].map { (bytes: [UInt8]) in streamPushes(bytes.span)?.count }
    #expect(found == [nil, nil, 0])
  }
}
