// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import TestSupport
import Testing

/// An agent that stands still, as one does in a suspended machine, and goes on.
struct PauseScenario {
  let seed: UInt64
  let rounds: Int

  func run() async throws {
    let rig = try await TortureRig(seed: seed)
    try await rig.begin()
    try await rig.lines.whileWriting {
      for _ in 0..<rounds {
        rig.hub.clearFaults()
        rig.hub.misbehave(&rig.random, requests: 500)
        try await Task.sleep(for: .milliseconds(rig.random.below(500)))
        rig.agent?.signal(SIGSTOP)
        try await Task.sleep(for: .milliseconds(rig.random.below(TortureScale.isLong ? 20_000 : 1500)))
        rig.agent?.signal(SIGCONT)
        rig.expectRunning()
      }
    }
    try await rig.settle("SIGSTOP, then SIGCONT", faults: rounds)
  }
}
