// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Queue

/// Random lives of a queue. A failure names its seed: `SPOKE_SEED=<seed> swift test --filter ScheduleTests` repeats it.
@Suite struct SegmentLogScheduleTests {
  @Test func `whatever happens to power and disk, log lines arrive and nothing vouches for what is missing`() {
    run(.logs, count: 600)
  }

  @Test func `whatever happens to power and disk, what was durable of metrics arrives or is counted`() {
    run(.metrics, count: 600)
  }

  private func run(_ kind: QueueScript.Kind, count: Int) {
    var failures = 0
    for seed in testSeeds(count: count) where failures < 3 {
      do {
        var script = QueueScript(kind: kind, seed: seed)
        try script.run()
      } catch {
        failures += 1
        Issue.record("SPOKE_SEED=\(seed): \(error)")
      }
    }
  }
}
