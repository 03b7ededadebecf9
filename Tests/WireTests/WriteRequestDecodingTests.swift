// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing
import Wire

@Suite struct WriteRequestDecodingTests {
  @Test func `nothing decodes to an empty request`() throws {
    #expect(try decodeWriteRequest([UInt8]().span) == WriteRequest())
  }

  @Test func `more than the limit is refused before it is decoded`() {
    #expect(throws: WireError.tooLarge(what: "write request", bytes: 11, limit: 10)) {
      try decodeWriteRequest([UInt8](repeating: 0xff, count: 11).span, limit: 10)
    }
  }

  @Test func `a bomb of empty series is refused by its budget`() {
    let bomb = [UInt8](repeating: 0, count: 2 << 20).indices.map { $0 % 2 == 0 ? UInt8(0x0a) : 0 }
    #expect(throws: WireError.self) { try decodeWriteRequest(bomb.span, memoryBudget: 16 << 20) }
  }

  @Test func `an allocator that fails at any point fails the decoding and nothing else`() throws {
    var random = SeededGenerator(state: 4)
    let request = RandomRequest(series: 5, &random)
    var failures = 0
    for budget in stride(from: 0, to: 12_000, by: 7) {
      let decoded = try? decodeWriteRequest(request.encoder.bytes.span, memoryBudget: budget)
      if let decoded { #expect(decoded == request.expected) } else { failures += 1 }
    }
    #expect(failures > 50)
  }

  @Test func `truncated and mutated bytes are refused or decoded, never fatal`() {
    var random = SeededGenerator(state: 5)
    for _ in 0..<60 {
      let whole = RandomRequest(series: 3, &random).encoder.bytes
      for _ in 0..<30 {
        var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &random)))
        for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        exercise(bytes)
      }
    }
  }

  @Test func `noise is refused or decoded, never fatal`() {
    var random = SeededGenerator(state: 6)
    for round in 0..<3000 {
      exercise(
        (0..<(round % 60)).map { _ in
          [0x0a, 0x12, 0x1a, 2, 4, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
        })
    }
  }

  /// Everything that reads bytes from outside.
  private func exercise(_ bytes: [UInt8]) {
    _ = try? decodeWriteRequest(bytes.span)
    _ = try? decodePushRequest(bytes.span)
    _ = try? decodePushRequest(json: bytes)
    _ = countRequest(bytes.span)
    if let halves = splitWriteRequest(bytes.span) { #expect(halves.first.bytes + halves.second.bytes == bytes) }
    _ = splitPushRequest(bytes.span)
    var output: [UInt8] = []
    try? Snappy.uncompress(bytes.span, limit: 1 << 20, into: &output)
  }

  @Test func `fields and metric types of the future are skipped`() throws {
    // Field 9 of the request; a histogram (field 4) of a series; a type nobody knows.
    let bytes: [UInt8] =
      [0x4a, 1, 7] + [0x0a, 5, 0x22, 3, 1, 2, 3] + [0x1a, 5, 0x08, 99, 0x12, 1, UInt8(ascii: "x")]
    let request = try decodeWriteRequest(bytes.span)
    #expect(request.series == [WriteRequest.Series(labels: [], samples: [], histogramCount: 1)])
    #expect(request.metadata == [MetricFamily(name: "x", type: .unknown, help: "")])
  }

  @Test func `a version 2 request decodes to nothing, as its design has it`() throws {
    let symbols: [UInt8] = [0x22, 0, 0x22, 2, 0x75, 0x70]
    #expect(try decodeWriteRequest((symbols + [0x2a, 2, 0x12, 0]).span) == WriteRequest())
  }
}
