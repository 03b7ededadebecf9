// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// A tailnet between agent and hub that is slow, loses packets, swallows requests half-way, and gives the agent another
/// address.
struct NetworkScenario {
  static let isPossible = Sandbox.isPossible && fileKind("/dev/net/tun") != nil
  static let needs: Comment = "needs root, network namespaces and /dev/net/tun"

  let seed: UInt64
  let rounds: Int

  func run() async throws {
    let rig = try await TortureRig(seed: seed)
    let agent = try await Sandbox(["-n"], in: rig.directory, "")
    let hub = try await Sandbox(["-n"], in: rig.directory, "")
    let faults = rig.directory.path("faults")
    let targetPort = rig.target.address.split(separator: ":").last.map(String.init) ?? ""
    let link = try ChildProcess([
      "/usr/bin/python3", "\(parent(of: parent(of: #filePath)))/Fixtures/tailnet.py", faults, "\(agent.id)",
      "100.64.0.1", "\(hub.id)", "100.64.0.2", "\(rig.hub.port)", targetPort,
    ])
    await eventually("the link is up") { link.output.hasSuffix("\n") || link.hasEnded != nil }
    let port: Int = try #require(Int(link.output.dropLast()), "\(link.errors)")
    rig.agentPort = port
    rig.prefix = agent.prefix
    rig.hubAddress = "100.64.0.2:80"
    rig.targetAddress = "127.0.0.1:80"
    rig.flags = ["--server.http.listen-addr=127.0.0.1:81"]
    rig.endpointTimeout = "2s"
    try await rig.begin()
    var address = 1
    try await rig.lines.whileWriting {
      for round in 0..<rounds {
        switch (round * 3 + rig.random.below(3)) % 10 {
        case 0..<3: try set("delay=\(rig.random.below(400)) jitter=\(rig.random.below(100))", faults)
        case 3..<5: try set("loss=\(1 + rig.random.below(20)) delay=\(rig.random.below(50))", faults)
        case 5..<8: try set("down=1", faults)
        default:
          try agent.run(
            "ip addr del 100.64.0.\(address)/10 dev tailscale0; ip addr add 100.64.0.\(address + 2)/10 dev tailscale0")
          address = address % 200 + 2
        }
        try await Task.sleep(for: .milliseconds(300 + rig.random.below(TortureScale.isLong ? 5000 : 2500)))
        rig.expectRunning()
        if rig.random.chance(10) {
          await rig.kill()
          try rig.start()
        }
        try set("", faults)
        try await Task.sleep(for: .milliseconds(rig.random.below(1000)))
      }
    }
    try await rig.settle("network: delay, loss, blackhole, new address", faults: rounds)
    link.signal(SIGKILL)
  }

  private func set(_ words: String, _ faults: String) throws { try replaceFile(faults, with: Array(words.utf8).span) }
}
