// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// Clocks that jump, the agent's own or the hub's: by minutes, which costs nothing, or by hours, so that the hub finds
/// what it is sent to be from its future and refuses it.
struct ClockScenario {
  static let isPossible = fileKind("/usr/bin/gcc") != nil
  static let needs: Comment = "needs gcc"

  let seed: UInt64
  let rounds: Int

  func run() async throws {
    var options = HubOptions()
    options.outOfOrderWindow = .seconds(3600)
    let rig = try await TortureRig(seed: seed, options: options)
    let offset = rig.directory.path("offset")
    let library = rig.directory.path("clock.so")
    try Program.run(
      "gcc", "-shared", "-fPIC", "-o", library, "\(parent(of: parent(of: #filePath)))/Fixtures/clock.c")
    try set(0, offset)
    rig.environment = ["LD_PRELOAD": library, "CLOCK_OFFSET": offset]
    try await rig.begin()
    try await rig.lines.whileWriting {
      for round in 0..<rounds {
        let minutes = rig.random.below(480) - 240
        switch round % 4 {
        case 0, 2: try set(minutes, offset)
        case 1: rig.hub.setClock(ahead: .seconds(minutes))
        default:
          try set(round % 8 == 3 ? 7200 : -3000, offset)
          try await Task.sleep(for: .milliseconds(500))
          try set(0, offset)
          try await Task.sleep(for: .milliseconds(500))
          let lines = linesOfFiles(rig.hub)
          await eventually("the hub takes lines of files again, seed \(seed)", within: .seconds(20)) {
            linesOfFiles(rig.hub) > lines
          }
        }
        try await Task.sleep(for: .milliseconds(300 + rig.random.below(700)))
        rig.expectRunning()
        if rig.random.chance(20) {
          await rig.kill()
          try rig.start()
        }
        await rig.expectConservation()
      }
    }
    try set(0, offset)
    rig.hub.setClock(ahead: .zero)
    try await rig.settle("clock jumps, of agent or hub", faults: rounds, refusals: rounds > 3, ordered: false)
  }

  /// Those of the journal have the time of the journal.
  private func linesOfFiles(_ hub: EmbeddedHub) -> Int {
    hub.streams().filter { $0.labels["filename"] != nil }.reduce(0) { $0 + $1.entries.count }
  }

  /// In place: the file is mapped.
  private func set(_ seconds: Int, _ path: String) throws {
    let bytes = withUnsafeBytes(of: Int64(seconds).littleEndian) { Array($0) }
    try FileDescriptor(opening: path, flags: O_WRONLY | O_CREAT).write(bytes.span)
  }
}
