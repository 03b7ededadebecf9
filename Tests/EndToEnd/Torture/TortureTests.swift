// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// The agent on real faults, and what arrives against what there was: nothing lost, nothing twice, all in order, and
/// accounts that add up.
///
/// `TortureScale` says how much; `scripts/torture` runs it for long.
@Suite(.serialized) struct TortureTests {
  private let seed = TortureScale.seed()

  @Test func `kill -9 at any moment, with a hub in every kind of trouble, costs nothing`() async throws {
    let kills = min(100, TortureScale.kills)
    let (sessions, lanes, seed) = (TortureScale.kills / kills, TortureScale.lanes, seed)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in 0..<lanes {
        group.addTask {
          for session in stride(from: lane, to: sessions, by: lanes) {
            try await KillScenario(seed: seed &+ UInt64(session), kills: kills).run()
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
