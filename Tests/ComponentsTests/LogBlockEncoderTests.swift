// SPDX-License-Identifier: Apache-2.0

import Queue
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Components

@Suite struct LogBlockEncoderTests {
  /// Blocks of `count` lines that nothing can be compressed of, each of a stream and a tenant of its own.
  func blocks(_ count: Int, lineBytes: Int, tenantBytes: Int = 0) throws -> [Block] {
    var random = SplitMix64(seed: 7)
    let noise = (0..<40_000).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    var batch = LogBatch()
    for number in 0..<count {
      var labels = ["stream": "\(number)"]
      if tenantBytes > 0 { labels["__tenant_id__"] = "\(number)" + String(repeating: "t", count: tenantBytes) }
      batch.labelSets.append(LabelSet(labels.map { Label($0.key, $0.value) }))
      let start = Int.random(in: 0...noise.count - lineBytes, using: &random)
      let line = Array(noise[start..<start + lineBytes])
      batch.append(line: line.span, timestampNanoseconds: Int64(number), labels: Int32(number))
    }
    var encoder = LogBlockEncoder(externalLabels: LabelSet(["host": "h"]), tenant: "", maxStreams: 0)
    return encoder.encode([batch], positions: [], now: 0)
  }

  @Test(arguments: [(40_000, 0, 0), (20_000, 100, 0), (40, 250_000, 0), (60, 10, 200_000)])
  func `whatever the streams, a block is one the queue takes`(_ count: Int, _ lineBytes: Int, _ tenantBytes: Int) throws
  {
    let blocks = try blocks(count, lineBytes: lineBytes, tenantBytes: tenantBytes)
    #expect(blocks.reduce(0) { $0 + $1.items } == count)
    #expect(blocks.count > 1)
    for block in blocks {
      #expect(block.payload.count <= Block.maximumPayloadBytes)
      let pushes = storedPushes(kind: block.kind, items: block.items, block.payload.span)
      #expect(pushes?.count == block.items)
    }
  }
}
