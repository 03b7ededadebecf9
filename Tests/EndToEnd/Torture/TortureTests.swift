// SPDX-License-Identifier: Apache-2.0

import Hub
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

  @Test(.enabled(if: Sandbox.isPossible, Sandbox.needs))
  func `a disk that is full, again and again, loses no line, counts its samples, and is used again by itself`()
    async throws
  {
    try await DiskScenario(seed: seed, rounds: TortureScale.rounds).run()
  }

  @Test(.enabled(if: ReadOnlyScenario.isPossible, ReadOnlyScenario.needs))
  func `a disk that turns read-only stops no delivery and loses no line`() async throws {
    try await ReadOnlyScenario(seed: seed, rounds: TortureScale.rounds).run()
  }

  @Test(.enabled(if: NetworkScenario.isPossible, NetworkScenario.needs))
  func `a tailnet that is slow, lossy, gone in mid-request, or gives another address costs nothing`() async throws {
    try await NetworkScenario(seed: seed, rounds: TortureScale.rounds * 2).run()
  }

  @Test(.enabled(if: ClockScenario.isPossible, ClockScenario.needs))
  func `a clock that jumps costs what the hub refuses, and that is counted`() async throws {
    try await ClockScenario(seed: seed, rounds: TortureScale.rounds * 4).run()
  }

  @Test func `an agent that stands still for long goes on as if nothing had been`() async throws {
    try await PauseScenario(seed: seed, rounds: TortureScale.rounds).run()
  }

  @Test(arguments: ["/loki/api/v1/push", "/api/v1/write"])
  func `the oracles see what a hub threw away, and nothing else`(path: String) async throws {
    let rig = try await TortureRig(seed: seed)
    try await rig.begin()
    rig.hub.inject(.status(204), count: 2, at: path)
    try await rig.lines.whileWriting { await eventually("both are used up") { rig.hub.faultsLeft == 0 } }
    let page = rig.target.pages
    let isDrained = await comesAbout(within: .seconds(30)) {
      guard rig.target.pages > page, let now = await rig.accountsNow() else { return false }
      let discarded = Int(now.lines.enqueued) - rig.hub.snapshot().lines
      // Fewer are missed where journald's own lines were among those.
      return now.lines.pending == 0 && now.samples.pending == 0
        && LineOracle(rig.lines, rig.hub).lost.count <= discarded
    }
    #expect(isDrained)
    await rig.stop()
    let lines = LineOracle(rig.lines, rig.hub)
    let pages = PageOracle(through: page, unfinished: rig.target.lastPages, rig.hub)
    #expect(lines.lost.isEmpty == (path != "/loki/api/v1/push") && lines.duplicated.isEmpty)
    #expect(pages.lost.isEmpty == (path != "/api/v1/write") && pages.duplicated == 0)
    await rig.hub.stop()
    await rig.target.stop()
  }

  @Test func `the oracles see what was read twice`() async throws {
    let rig = try await TortureRig(seed: seed)
    try await rig.begin()
    await rig.stop()
    #expect(LineOracle(rig.lines, rig.hub).duplicated.isEmpty)
    try removeTree(rig.directory.path("state"))
    let before = rig.hub.snapshot().lines
    try rig.start()
    await eventually("lines come again") { rig.hub.snapshot().lines > before }
    await rig.stop()
    #expect(!LineOracle(rig.lines, rig.hub).duplicated.isEmpty)
    await rig.hub.stop()
    await rig.target.stop()
  }
}
