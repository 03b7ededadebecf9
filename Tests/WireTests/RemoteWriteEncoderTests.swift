// SPDX-License-Identifier: Apache-2.0

import CWire
import Telemetry
import Testing
import Wire

@Suite struct RemoteWriteEncoderTests {
  let up = LabelSet(["__name__": "up", "job": "a"])

  @Test func `a sample is these bytes`() {
    var encoder = RemoteWriteEncoder()
    encoder.add(packedLabels: up.packed.span, valueBits: 1.0.bitPattern, timestampMilliseconds: 300)
    let name: [UInt8] = [0x0a, 14, 0x0a, 8] + Array("__name__".utf8) + [0x12, 2] + Array("up".utf8)
    let job: [UInt8] = [0x0a, 8, 0x0a, 3] + Array("job".utf8) + [0x12, 1] + Array("a".utf8)
    let sample: [UInt8] = [0x12, 12, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02]
    #expect(encoder.bytes == [0x0a, 40] + name + job + sample)
    #expect(encoder.byteCount == 42 && encoder.sampleCount == 1)
  }

  @Test func `zero is left out, and negative zero is not`() throws {
    var encoder = RemoteWriteEncoder()
    encoder.add(packedLabels: [UInt8]().span, valueBits: 0, timestampMilliseconds: 0)
    #expect(encoder.bytes == [0x0a, 2, 0x12, 0])
    #expect(try decodeWriteRequest(encoder.bytes.span).series[0].samples[0].valueBits == 0)
    encoder.begin()
    encoder.add(packedLabels: [UInt8]().span, valueBits: (-0.0).bitPattern, timestampMilliseconds: 0)
    #expect(encoder.bytes == [0x0a, 11, 0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0, 0x80])
    #expect(try decodeWriteRequest(encoder.bytes.span).series[0].samples[0].valueBits == 1 << 63)
  }

  @Test(arguments: [staleMarkerBits, normalNaNBits, 0xfff0_dead_beef_0001, UInt64.max])
  func `NaNs keep every bit`(_ bits: UInt64) throws {
    var encoder = RemoteWriteEncoder()
    encoder.add(packedLabels: up.packed.span, valueBits: bits, timestampMilliseconds: 1)
    #expect(try decodeWriteRequest(encoder.bytes.span).series[0].samples[0].valueBits == bits)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, .max]) func `times may be negative`(_ time: Int64) throws {
    var encoder = RemoteWriteEncoder()
    encoder.add(packedLabels: up.packed.span, valueBits: 1, timestampMilliseconds: time)
    #expect(try decodeWriteRequest(encoder.bytes.span).series[0].samples[0].timestampMilliseconds == time)
  }

  @Test func `whatever is encoded, protobuf-c decodes to the same`() throws {
    var random = SeededGenerator(state: 1)
    for round in 0..<300 {
      let request = RandomRequest(series: round % 9, &random)
      #expect(try decodeWriteRequest(request.encoder.bytes.span) == request.expected, "round \(round)")
    }
  }

  @Test func `the bytes are those protobuf-c would write`() {
    var random = SeededGenerator(state: 2)
    for round in 0..<200 {
      let request = RandomRequest(series: 3, &random)
      // protobuf-c leaves negative zero out, which is why it does not do the writing.
      if request.expected.series.contains(where: { $0.samples[0].valueBits == 1 << 63 }) { continue }
      #expect(repacked(request.encoder.bytes) == request.encoder.bytes, "round \(round)")
    }
  }

  @Test func `a new request begins empty`() throws {
    var encoder = RemoteWriteEncoder()
    encoder.add(packedLabels: up.packed.span, valueBits: 1, timestampMilliseconds: 1)
    encoder.begin()
    #expect(encoder.byteCount == 0 && encoder.sampleCount == 0)
    encoder.add(packedLabels: up.packed.span, valueBits: 2, timestampMilliseconds: 2)
    #expect(try decodeWriteRequest(encoder.bytes.span).series.count == 1)
  }

  @Test func `the finished block uncompresses to the bytes`() throws {
    var random = SeededGenerator(state: 3)
    let request = RandomRequest(series: 50, &random)
    var block: [UInt8] = [9, 9, 9]
    request.encoder.finish(snappy: &block)
    var bytes: [UInt8] = []
    try Snappy.uncompress(block.span, limit: 1 << 20, into: &bytes)
    #expect(bytes == request.encoder.bytes)
  }

  @Test func `metadata goes alone`() throws {
    let families = [
      MetricFamily(name: "node_load1", type: .gauge, help: "Load average."),
      MetricFamily(name: "x", type: .unknown, help: ""),
      MetricFamily(name: "y_seconds", type: .stateSet, help: "Zwölf\nZeilen \u{0}", unit: "seconds"),
    ]
    let request = try decodeWriteRequest(encodeMetadata(families).span)
    #expect(request == WriteRequest(series: [], metadata: families))
    #expect(encodeMetadata([]) == [])
    #expect(repacked(encodeMetadata(families)) == encodeMetadata(families))
  }

  /// The request as protobuf-c writes it after reading it.
  private func repacked(_ bytes: [UInt8]) -> [UInt8]? {
    guard let message = prometheus__write_request__unpack(nil, bytes.count, bytes) else { return nil }
    defer { prometheus__write_request__free_unpacked(message, nil) }
    var result = [UInt8](repeating: 0, count: prometheus__write_request__get_packed_size(message))
    prometheus__write_request__pack(message, &result)
    return result
  }
}
