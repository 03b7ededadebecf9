// SPDX-License-Identifier: Apache-2.0

import Delivery
import Hub
import Linux
import Queue
import TestSupport
import Testing

/// Random blocks, a hub that misbehaves in every way, and a sender that dies again and again.
@Suite struct SenderLokiRandomTests {
  @Test(arguments: testSeeds(count: 6))
  func `each line arrives once and in order, whatever happens, and is accounted for`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    var options = HubOptions()
    options.streams.maxLineBytes = 300
    options.separatesTenants = true
    options.maxBodyBytes = 2000
    var quick = Rig.quick
    quick.maxRequestBytes = 1 + random.below(4000)
    quick.maxBlocksPerRequest = 1 + random.below(30)
    let rig = try await Rig(hub: options, sender: quick, dialect: .loki, tenant: "home")
    var expected: [String: [String]] = [:]  // by tenant and stream
    var refused = 0
    var step = 0
    for round in 0..<6 {
      for fault in faults(&random) { rig.hub.inject(fault) }
      if round % 2 == 1 { rig.runSender() }
      for _ in 0..<random.below(25) {
        try await rig.push(block(&random, &step, &expected, &refused))
      }
      if round % 2 == 0 { rig.runSender() }
      let target = random.below(expected.values.reduce(1) { $0 + $1.count })
      _ = await comesAbout(within: .milliseconds(200)) { rig.hub.snapshot().lines >= target }
      try await rig.restart()
    }
    rig.hub.clearFaults()
    rig.runSender()
    let queue = await rig.drained()
    #expect(queue.droppedTotal == 0)
    for (name, lines) in expected {
      let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      #expect(rig.received(parts[1], tenant: parts[0]) == lines, "seed \(seed), stream \(name)")
    }
    #expect(rig.hub.snapshot().lines == expected.values.reduce(0) { $0 + $1.count }, "seed \(seed)")
    #expect(queue.rejected == UInt64(refused), "seed \(seed)")
    await rig.stop()
  }

  private func faults(_ random: inout SplitMix64) -> [HubFault] {
    (0..<random.below(8)).map { _ in
      switch random.below(8) {
      case 0: .status(503)
      case 1: .status(429, body: "ingestion rate limit exceeded")
      case 2: .status(429, body: "Per stream rate limit exceeded")
      case 3: .reset
      case 4: .commitThenDrop
      case 5: .status(260)
      case 6: .status(400, body: "Per stream rate limit exceeded, total ignored: 1 out of 1")
      default: .delay(.milliseconds(1))
      }
    }
  }

  /// Lines of a few streams and tenants; some too long, which are counted, the others noted as expected.
  private func block(
    _ random: inout SplitMix64, _ step: inout Int, _ expected: inout [String: [String]], _ refused: inout Int
  ) -> [Rig.Lines] {
    var streams: [Rig.Lines] = []
    for _ in 0..<(1 + random.below(5)) {
      let tenant = random.chance(20) ? "guest" : ""
      let app = "app\(random.below(4))"
      // A block has each stream once.
      guard !streams.contains(where: { $0.app == app && $0.tenant == tenant }) else { continue }
      var entries: [(Int, String)] = []
      for _ in 0..<(1 + random.below(6)) {
        step += random.below(2)
        let isTooLong = random.chance(4)
        let line = "\(step)-\(random.next())" + String(repeating: "x", count: isTooLong ? 300 : random.below(60))
        entries.append((step, line))
        if isTooLong {
          refused += 1
        } else {
          expected["\(tenant.isEmpty ? "home" : tenant)/\(app)", default: []].append(line)
        }
      }
      streams.append(Rig.Lines(app: app, tenant: tenant, entries: entries))
    }
    return streams
  }
}
