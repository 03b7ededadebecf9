// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// A file system for the state that the kernel makes read-only under the running agent, as after an error of the disk, and
/// that somebody repairs later.
struct ReadOnlyScenario {
  static let isPossible =
    Sandbox.isPossible && fileKind("/sbin/mkfs.ext4") != nil && access("/dev/loop-control", R_OK) == 0
  static let needs: Comment = "needs root, mount namespaces, loop devices and mkfs.ext4"

  let seed: UInt64
  let rounds: Int

  func run() async throws {
    let rig = try await TortureRig(seed: seed)
    let state = rig.directory.path("state")
    let sandbox = try await Sandbox(
      ["-m"], in: rig.directory,
      "mkdir \"$1\"; truncate -s 128M \"$1.disk\"; mkfs.ext4 -q \"$1.disk\"; mount -o loop \"$1.disk\" \"$1\"", state)
    rig.prefix = sandbox.prefix
    try await rig.begin()
    try await rig.lines.whileWriting {
      for _ in 0..<rounds {
        try await Task.sleep(for: .milliseconds(rig.random.below(800)))
        // Not while it writes: in the moment of an abort ext4 may answer "written and synced" for what it then forgets.
        rig.agent?.signal(SIGSTOP)
        try sandbox.run("mount -o remount,abort \"$1\"", state)
        rig.agent?.signal(SIGCONT)
        await eventually("nothing can be written, seed \(seed)") {
          guard let now = await rig.accountsNow() else { return false }
          return now.lines.isDegraded && now.samples.isDegraded
        }
        let pages = rig.target.pages
        await eventually("samples arrive all the same, seed \(seed)") {
          rig.hub.series(named: "target_pages_total").contains { ($0.samples.last?.value ?? 0) > Double(pages) }
        }
        await rig.expectConservation()
        rig.expectRunning()
        await rig.stop()
        try sandbox.run("umount \"$1\"; mount -o loop \"$1.disk\" \"$1\"", state)
        try rig.start()
        try await rig.agent?.waitForLine("msg=running")
      }
    }
    try await rig.settle("state disk read-only", faults: rounds)
  }
}
