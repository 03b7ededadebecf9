// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NodeMetrics

@Suite struct CollectorChoiceTests {
  private let defaults = [
    "cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netdev", "os", "pressure", "stat", "time",
    "uname", "vmstat",
  ]

  @Test func `without a choice the defaults run, and nothing is said of those we lack`() {
    let choice = resolveCollectors()
    #expect(choice.enabled == defaults)
    #expect(choice.findings == [])
  }

  @Test func `a set is exactly that set, in our order, and disk means diskstats`() {
    let choice = resolveCollectors(set: ["systemd", "filesystem", "cpu", "meminfo", "disk", "loadavg", "netdev"])
    #expect(choice.enabled == ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "systemd"])
    #expect(choice.findings == [.alias(written: "disk", meant: "diskstats"), .missingUname])
  }

  @Test func `enable wins over disable, as in Alloy's code`() {
    let choice = resolveCollectors(enable: ["systemd", "cpu"], disable: ["cpu", "load", "systemd"])
    #expect(choice.enabled == (defaults + ["systemd"]).filter { $0 != "loadavg" }.sorted())
    #expect(choice.findings == [.alias(written: "load", meant: "loadavg")])
  }

  @Test func `unknown names are told with those that come close`() {
    let choice = resolveCollectors(set: ["uname", "cpus", "memifno", "xyzzy", "stats"])
    #expect(choice.enabled == ["uname"])
    #expect(
      choice.findings == [
        .unknown(written: "cpus", suggestions: ["cpu"]), .unknown(written: "memifno", suggestions: ["meminfo"]),
        .unknown(written: "xyzzy", suggestions: []), .unknown(written: "stats", suggestions: ["stat"]),
      ])
    #expect(resolveCollectors(disable: ["nothing"]).findings == [.unknown(written: "nothing", suggestions: [])])
    #expect(resolveCollectors(enable: [String(repeating: "a", count: 100_000)]).findings.count == 1)
  }

  @Test func `what others have and we lack is told when wanted, not when switched off`() {
    #expect(resolveCollectors(enable: ["hwmon"]).findings == [.notYet("hwmon")])
    #expect(
      resolveCollectors(enable: ["sensors"]).findings == [.alias(written: "sensors", meant: "hwmon"), .notYet("hwmon")])
    #expect(resolveCollectors(enable: ["devstat"]).findings == [.otherSystem("devstat")])
    #expect(resolveCollectors(disable: ["hwmon", "devstat"]).findings == [])
  }

  @Test func `every alias leads to a collector, and none hides one`() {
    let known = Set(Collectors.all.map(\.name)).union(Collectors.notYet)
    for (written, meant) in Collectors.aliases {
      #expect(known.contains(meant))
      #expect(!known.contains(written) && !Collectors.otherSystems.contains(written))
    }
    #expect(Collectors.notYet.isDisjoint(with: Collectors.all.map(\.name)))
    // 79 of node_exporter on Linux, less the fourteen we have.
    #expect(Collectors.notYet.count == 79 - 14)
  }
}
