// SPDX-License-Identifier: Apache-2.0

import Hub
import Linux
import TestSupport
import Testing

/// A file system for the state that fills up, in bytes or in files, and empties again, while everything goes on.
struct DiskScenario {
  let seed: UInt64
  let rounds: Int

  func run() async throws {
    // Values that do not compress, so that the memory that stands in for the disk is full within half a minute.
    var digits = SplitMix64(seed: seed)
    let heavy = (0..<3000).map { "target_value{n=\"\($0)\",id=\"\(digits.next())\(digits.next())\"} \($0)\n" }.joined()
    let rig = try await TortureRig(seed: seed, page: TortureScale.isLong ? heavy : nil)
    if TortureScale.isLong { rig.scrapeInterval = "1s" }
    let state = rig.directory.path("state")
    try makeDirectory(state)
    let sandbox = try await Sandbox(
      ["-m"], in: rig.directory, "mount -t tmpfs -o size=96m,nr_inodes=64 tmpfs \"$1\"", state)
    rig.prefix = sandbox.prefix
    try await rig.begin()
    var slowest = Duration.zero
    try await rig.lines.whileWriting {
      for round in 0..<rounds {
        try await fill(sandbox, state, round, rig)
        if round == 2 { try await overflowMemory(rig) }
        try await Task.sleep(for: .milliseconds(200 + rig.random.below(TortureScale.isLong ? 5000 : 500)))
        rig.expectRunning()
        await rig.expectConservation()
        slowest = max(slowest, try await recover(sandbox, state, rig))
      }
    }
    print("disk: slowest recovery \(slowest)")
    try await rig.settle("state disk full, emptied", faults: rounds, drops: true)
  }

  private func fill(_ sandbox: Sandbox, _ state: String, _ round: Int, _ rig: TortureRig) async throws {
    switch round % 3 {
    case 0: try sandbox.run("head -c 1G /dev/zero > \"$1/filler\" 2>/dev/null || true", state)
    case 1:
      // A file is needed only to begin with; what the start lets go of may be enough for that.
      try sandbox.run("mkdir \"$1/fillers\"; touch \"$1\"/fillers/{1..100} 2>/dev/null || true", state)
      await rig.stop()
      try rig.start()
      try await rig.agent?.waitForLine("msg=running")
      return
    default:
      try sandbox.run("fallocate -l 50M \"$1/filler\"", state)
      if rig.random.chance(50) {
        await rig.stop()
        try rig.start()
      }
    }
    try await rig.agent?.waitForLine("msg=running")
    await eventually("the disk is full, round \(round), seed \(seed)") {
      await rig.accountsNow()?.lines.isDegraded == true
    }
  }

  /// Without a hub, until the memory that stands in for the disk has dropped something.
  private func overflowMemory(_ rig: TortureRig) async throws {
    rig.hub.inject(.status(503), count: 1_000_000)
    await eventually("samples are dropped, seed \(seed)") { await (rig.accountsNow()?.samples.dropped ?? 0) > 0 }
    rig.hub.clearFaults()
  }

  /// How long it takes, from the moment there is space, until what had waited has arrived.
  private func recover(_ sandbox: Sandbox, _ state: String, _ rig: TortureRig) async throws -> Duration {
    let written = rig.lines.written
    try sandbox.run("rm -rf \"$1\"/filler \"$1\"/fillers", state)
    let start = ContinuousClock.now
    await eventually("the disk is in use again, seed \(seed)") {
      guard let now = await rig.accountsNow() else { return false }
      return !now.lines.isDegraded && !now.samples.isDegraded && rig.hub.snapshot().lines >= written
    }
    let took = ContinuousClock.now - start
    if TortureScale.isLong { #expect(took < .seconds(10), "seed \(seed)") }
    return took
  }
}
