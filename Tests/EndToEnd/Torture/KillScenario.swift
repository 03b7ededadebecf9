// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import TestSupport
import Testing

/// An agent that is killed again and again, at any moment of its life, while lines are written, logs are rotated, and the
/// hub answers in all the ways it can.
struct KillScenario {
  let seed: UInt64
  let kills: Int

  func run() async throws {
    var choice = SplitMix64(seed: seed &* 31)
    var options = HubOptions()
    // A merged backlog is too large for some; some take samples in any order.
    if choice.chance(50) { options.maxBodyBytes = 16 << 10 }
    if choice.chance(50) { options.outOfOrderWindow = .seconds(1800) }
    let rig = try await TortureRig(seed: seed, options: options)
    rig.scrapeInterval = "100ms"
    try await rig.begin()
    await rig.kill()
    try await rig.lines.whileWriting {
      for _ in 0..<kills - 1 { try await life(rig) }
    }
    let faults = rig.hub.faults
    try await rig.settle("kill -9", faults: kills)
    print("torture|hub: 429, 5xx, 413, hangs, resets, stored without an answer|\(faults)|||||||")
  }

  private func life(_ rig: TortureRig) async throws {
    rig.hub.clearFaults()
    rig.hub.misbehave(&rig.random, requests: 200)
    try rig.start()
    try await Task.sleep(for: .milliseconds(span(&rig.random)))
    if rig.random.chance(10) { await rig.expectConservation() }
    switch rig.random.below(100) {
    case 0..<3: await rig.stop()
    case 3..<8:
      rig.agent?.signal(SIGSTOP)
      try await Task.sleep(for: .milliseconds(rig.random.below(200)))
      fallthrough
    default: await rig.kill()
    }
  }

  /// Milliseconds from its start: mostly while it opens its queues and reads what it had missed, at times well after.
  private func span(_ random: inout SplitMix64) -> Int {
    switch random.below(10) {
    case 0..<6: random.below(80)
    case 6..<9: 80 + random.below(220)
    default: 300 + random.below(700)
    }
  }
}
