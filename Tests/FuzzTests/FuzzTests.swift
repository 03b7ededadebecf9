// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Linux
import TestSupport
import Testing

/// Whatever bytes come from outside: no crash, no hang, bounded memory, and every law kept.
///
/// `SPOKE_FUZZ=60` tries each surface for a minute with a seed of its own, and `scripts/fuzz` each in a process of its
/// own; `SPOKE_SURFACE` names one surface. What is found becomes a file in `Corpus/SURFACE/` and is tried first from
/// then on.
@Suite(.serialized) struct FuzzTests {
  /// More than any input of these sizes may make the process grow.
  private static let mostMemory = 400 << 20

  private static let surfaces = Surface.all.map(\.name).filter { name in
    environmentVariable("SPOKE_SURFACE").map { $0 == name } ?? true
  }

  @Test(arguments: surfaces) func `what outsiders send does no harm`(name: String) async throws {
    // For `scripts/fuzz`.
    if environmentVariable("SPOKE_FUZZ") == "list" { return print("surface \(name)") }
    let surface = try #require(Surface.all.first { $0.name == name })
    let seconds = environmentVariable("SPOKE_FUZZ").flatMap { Int($0) }
    let ownSeed = seconds == nil ? 1 : UInt64(truncatingIfNeeded: wallClockNanoseconds())
    let seed = testSeeds(from: ownSeed, count: 1)[0]
    if seconds != nil { print("fuzz \(name): SPOKE_SEED=\(seed)") }
    let report = try await fuzz(surface, seed: seed, seconds.map { .seconds($0) } ?? .runs(surface.runs))
    if seconds != nil { print(report) }
    for law in report.broken { Issue.record("seed \(seed): \(law)") }
    #expect(report.memoryGrowth < Self.mostMemory, "seed \(seed)")
  }
}
