// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

@testable import Queue

/// Lives of a queue on a disk that fails and loses power.
///
/// A *schedule* is one life, see ``QueueScript``: from an empty disk, through at least one crash, until all is delivered.
/// `SPOKE_SCHEDULES=<n>` runs that many, from seed `SPOKE_FIRST_SEED` on, and prints what they went through. A failure
/// names its seed and the acts without which it does not happen: `SPOKE_SEED=<seed> SPOKE_ACTS=<acts>` repeats it, and
/// `SPOKE_TRACE=1` shows it.
@Suite struct SegmentLogScheduleTests {
  private let long = environmentVariable("SPOKE_SCHEDULES").flatMap { Int($0) }
  private let first = environmentVariable("SPOKE_FIRST_SEED").flatMap { UInt64($0) } ?? 1

  @Test(arguments: QueueScript.Kind.allCases)
  func `whatever happens to power and disk, lines arrive once and in order, durable samples arrive or are counted`(
    kind: QueueScript.Kind
  ) {
    var tally = ScheduleTally("random lives, \(kind)")
    for seed in testSeeds(from: first, count: long.map { $0 * 2 / 5 } ?? 600) where tally.failures < 3 {
      var script = QueueScript(kind: kind, seed: seed, acts: chosenActs)
      do {
        try script.run()
      } catch {
        tally.count(error)
        Issue.record("SPOKE_SEED=\(seed) SPOKE_ACTS=\(shrunk(kind, seed, script.acts)), \(kind): \(error)")
      }
      tally.count(script)
    }
    if long != nil { tally.report() }
  }

  @Test(arguments: QueueScript.Kind.allCases)
  func `the power may go at every change to the disk, and again at every change of the recovery`(
    kind: QueueScript.Kind
  ) {
    let wanted = long.map { $0 / 10 }
    var tally = ScheduleTally("every crash point, \(kind)")
    for seed in testSeeds(from: first, count: wanted ?? 2) where tally.failures < 3 {
      if let wanted, tally.schedules >= wanted { break }
      var whole = QueueScript(recorded: seed, kind: kind, cut: nil)
      run(&whole, "no cut", &tally)
      for after in 1...max(1, whole.disk.operations) {
        for crash in [CrashingFileStore.Crash.process, .powerLosingAll, .powerLosingSome] {
          var cut = QueueScript.PowerCut(after: after, crash: crash)
          var once = QueueScript(recorded: seed, kind: kind, cut: cut)
          run(&once, "\(cut)", &tally)
          for again in 1...max(1, once.recoveryOperations) {
            cut.inRecoveryAfter = again
            var twice = QueueScript(recorded: seed, kind: kind, cut: cut)
            run(&twice, "\(cut)", &tally)
          }
        }
      }
    }
    if long != nil { tally.report() }
  }

  private func run(_ script: inout QueueScript, _ cut: String, _ tally: inout ScheduleTally) {
    guard tally.failures < 3 else { return }
    do {
      try script.run()
    } catch {
      tally.count(error)
      Issue.record("SPOKE_SEED=\(script.seed), \(script.kind), \(cut): \(error)")
    }
    tally.count(script)
  }

  private var chosenActs: [Int]? {
    environmentVariable("SPOKE_ACTS").map { $0.split(separator: ",").compactMap { Int($0) } }
  }

  /// Leaves out acts for as long as the life fails without them.
  private func shrunk(_ kind: QueueScript.Kind, _ seed: UInt64, _ acts: [Int]) -> String {
    var acts = acts
    var size = max(1, acts.count / 2)
    while true {
      var start = 0
      while start < acts.count {
        let fewer = Array(acts[..<start] + acts[min(start + size, acts.count)...])
        var script = QueueScript(kind: kind, seed: seed, acts: fewer)
        if (try? script.run()) == nil { acts = fewer } else { start += size }
      }
      guard size > 1 else { return acts.map(String.init).joined(separator: ",") }
      size /= 2
    }
  }
}

/// What a long run went through.
private struct ScheduleTally {
  private let name: String
  private let start = monotonicNanoseconds()
  private(set) var schedules = 0
  private(set) var failures = 0
  private var crashes = 0
  private var lost = 0
  private var duplicated = 0
  private var faults: [String: Int] = [:]

  init(_ name: String) { self.name = name }

  mutating func count(_ script: QueueScript) {
    schedules += 1
    crashes += script.crashes
    faults.merge(script.disk.faults, uniquingKeysWith: +)
  }

  mutating func count(_ error: any Error) {
    failures += 1
    switch (error as? QueueScript.Broken)?.promise {
    case .nothingLost: lost += 1
    case .nothingTwice: duplicated += 1
    default: break
    }
  }

  func report() {
    let faults = faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    print(
      "\(name): \(schedules) schedules, \(crashes) crashes, faults: \(faults); lost \(lost), duplicated \(duplicated),",
      "failed \(failures), \((monotonicNanoseconds() - start) / 1_000_000_000) s")
  }
}
