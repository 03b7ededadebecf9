// SPDX-License-Identifier: Apache-2.0

import CWire
import Telemetry
import Testing
import Wire

@Suite struct PushTests {
  @Test func `an entry is these bytes`() {
    var encoder = PushEncoder()
    encoder.beginStream(packedLabels: LabelSet(["b": "2", "a": "1"]).packed.span)
    encoder.add(
      timestampNanoseconds: 1_000_000_002, line: Array("hi".utf8).span, metadata: LabelSet(["k": "v"]).packed.span)
    encoder.endStream()
    let labels = Array("{a=\"1\", b=\"2\"}".utf8)
    let entry: [UInt8] = [0x0a, 4, 0x08, 1, 0x10, 2, 0x12, 2, 0x68, 0x69, 0x1a, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76]
    #expect(encoder.bytes == [0x0a, 36, 0x0a, 14] + labels + [0x12, 18] + entry)
    #expect(encoder.entryCount == 1 && encoder.streamCount == 1)
  }

  @Test func `whatever is encoded decodes to the same`() throws {
    var random = SeededGenerator(state: 12)
    var encoder = PushEncoder()
    for round in 0..<200 {
      var expected = PushRequest()
      encoder.begin()
      for stream in 0..<(round % 4) {
        let labels = LabelSet(["app": random.text(), "stream": "\(stream)"])
        encoder.beginStream(packedLabels: labels.packed.span)
        var entries: [PushRequest.Entry] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let line = Bool.random(using: &random) ? Array(random.text().utf8) : [0xff, 0, 0xc3]
          let metadata = random.labels()
          let time = random.time()
          encoder.add(timestampNanoseconds: time, line: line.span, metadata: metadata.packed.span)
          entries.append(PushRequest.Entry(timestampNanoseconds: time, line: line, metadata: metadata.labels))
        }
        expected.streams.append(PushRequest.Stream(labels: labels.labels, entries: entries))
      }
      let predicted = encoder.byteCount
      encoder.endStream()
      let bytes = encoder.bytes
      #expect(encoder.byteCount == predicted)
      #expect(try decodePushRequest(bytes.span) == expected, "round \(round)")
      #expect(repacked(bytes) == bytes, "round \(round): not as protobuf-c writes it")
    }
  }

  @Test func `few bytes of several streams are one push, many are one for each stream`() throws {
    for (lines, expected) in [(1, [1, 2]), (2000, [2000, 2])] {
      var encoder = PushEncoder()
      for (app, count) in [("long", lines), ("short", 2)] {
        encoder.beginStream(packedLabels: LabelSet(["app": app]).packed.span)
        for number in 0..<count {
          encoder.add(
            timestampNanoseconds: Int64(number), line: Array("\(app) line number \(number) of many".utf8).span)
        }
      }
      let (kind, streams) = try stored(&encoder)
      #expect(kind == (lines == 1 ? PushBlockKind.plain : PushBlockKind.byStream))
      #expect(streams.flatMap { $0.map(\.entryCount) } == expected)
      #expect(streams.count == (lines == 1 ? 1 : 2))
    }
  }

  @Test func `a stream of one's own is one push, those of other tenants are kept apart`() throws {
    var encoder = PushEncoder()
    encoder.beginStream(packedLabels: LabelSet(["a": "1"]).packed.span)
    encoder.add(timestampNanoseconds: 1, line: Array("own".utf8).span)
    #expect(try stored(&encoder).kind == PushBlockKind.oneStream)
    encoder.beginStream(packedLabels: LabelSet(["a": "1"]).packed.span, tenant: Array("them".utf8).span)
    encoder.add(timestampNanoseconds: 2, line: Array("theirs".utf8).span)
    let (kind, streams) = try stored(&encoder)
    #expect(kind == PushBlockKind.byStream)
    #expect(streams.map { $0.map(\.key.tenant) } == [[[]], [Array("them".utf8)]])
    for (push, line) in zip(streams.joined(), ["own", "theirs"]) {
      let decoded = try decodePushRequest(push.bytes.span)
      #expect(decoded.streams.map(\.labels) == [[Label("a", "1")]])
      #expect(decoded.streams.flatMap(\.entries).map(\.line) == [Array(line.utf8)])
      #expect(repacked(push.bytes) == push.bytes, "not as protobuf-c writes it")
      #expect(push.byteCount == push.bytes.count)
    }
    encoder.begin()
    encoder.beginStream(packedLabels: LabelSet(["a": "1"]).packed.span)
    encoder.add(timestampNanoseconds: 1, line: Array("own".utf8).span)
    #expect(try stored(&encoder).kind == PushBlockKind.oneStream)
  }

  @Test func `what is no row of pushes with that many entries is told`() throws {
    var encoder = PushEncoder()
    for tenant in ["", "t"] {
      encoder.beginStream(packedLabels: LabelSet(["a": tenant]).packed.span, tenant: Array(tenant.utf8).span)
      encoder.add(timestampNanoseconds: 1, line: Array("x".utf8).span)
    }
    var block: [UInt8] = []
    let kind = encoder.finish(into: &block)
    let found = { (items: Int, block: [UInt8]) in storedPushes(kind: kind, items: items, block.span)?.count }
    #expect(found(2, block) == 2)
    #expect(found(1, block) == nil && found(3, block) == nil && found(2, Array(block.dropLast())) == nil)
    #expect(found(2, block + [0]) == nil)
    #expect(found(0, [0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]) == nil)
    #expect(storedPushes(kind: 9, items: 2, block.span) == nil)
  }

  /// The streams of each push of the block that the request becomes.
  private func stored(_ encoder: inout PushEncoder) throws -> (kind: UInt8, streams: [[StreamPush]]) {
    var block: [UInt8] = []
    let kind = encoder.finish(into: &block)
    let found = storedPushes(kind: kind, items: encoder.entryCount, block.span)
    let streams = try #require(found).map { push in
      var bytes: [UInt8] = []
      try Snappy.uncompress(block.span.extracting(push.snappy), limit: 1 << 22, into: &bytes)
      let streams = streamPushes(bytes.span, tenant: Array(block[push.tenant]))
      return try #require(streams)
    }
    return (kind, streams)
  }

  @Test(arguments: [(Int64(-1), -1, 999_999_999), (.min, -9_223_372_037, 145_224_192), (0, 0, 0)])
  func `nanoseconds are never negative on the wire`(_ time: Int64, _ seconds: Int64, _ nanos: Int32) throws {
    var encoder = PushEncoder()
    encoder.beginStream(packedLabels: LabelSet(["a": "1"]).packed.span)
    encoder.add(timestampNanoseconds: time, line: [UInt8]().span)
    encoder.endStream()
    let message = try #require(logproto__push_request__unpack(nil, encoder.byteCount, encoder.bytes))
    defer { logproto__push_request__free_unpacked(message, nil) }
    let timestamp = message.pointee.streams[0]?.pointee.entries[0]?.pointee.timestamp.pointee
    #expect(timestamp?.seconds == seconds && timestamp?.nanos == nanos)
  }

  @Test func `times that do not fit are clamped`() throws {
    // {a="1"}, an entry whose seconds are Int64.max, and one with Int64.min.
    let labels: [UInt8] = [0x0a, 7] + Array("{a=\"1\"}".utf8)
    let late: [UInt8] = [0x12, 12, 0x0a, 10, 0x08] + [UInt8](repeating: 0xff, count: 8) + [0x7f]
    let early: [UInt8] = [0x12, 13, 0x0a, 11, 0x08] + [UInt8](repeating: 0x80, count: 9) + [0x01]
    let stream = labels + late + early
    let request = try decodePushRequest(([0x0a, UInt8(stream.count)] + stream).span)
    #expect(request.streams[0].entries.map(\.timestampNanoseconds) == [.max, .min])
  }

  @Test func `bad labels, excess and bombs are refused`() {
    let text = Array("{a=1}".utf8)
    #expect(throws: WireError.self) { try decodePushRequest(([0x0a, 7, 0x0a, 5] + text).span) }
    #expect(throws: WireError.tooLarge(what: "push request", bytes: 3, limit: 2)) {
      try decodePushRequest([0, 0, 0].span, limit: 2)
    }
    var entries: [UInt8] = [0x0a, 4, 0x0a, 2] + Array("{}".utf8)
    entries += [0x0a, 0x80, 0x80, 0x40]  // one stream of 1 MiB of empty entries
    for _ in 0..<(1 << 19) { entries += [0x12, 0] }
    #expect(throws: WireError.self) { try decodePushRequest(entries.span, memoryBudget: 16 << 20) }
  }

  private func repacked(_ bytes: [UInt8]) -> [UInt8]? {
    guard let message = logproto__push_request__unpack(nil, bytes.count, bytes) else { return nil }
    defer { logproto__push_request__free_unpacked(message, nil) }
    var result = [UInt8](repeating: 0, count: logproto__push_request__get_packed_size(message))
    logproto__push_request__pack(message, &result)
    return result
  }
}
