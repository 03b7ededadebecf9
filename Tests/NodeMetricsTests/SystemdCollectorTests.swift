// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import RE2
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

@Suite(.serialized) struct SystemdCollectorTests {
  private func collect(_ collector: inout SystemdCollector, within seconds: Double = 20) throws -> [String: Double] {
    let host = Host(log: Log(to: LogSink(descriptor: -1)))
    host.deadline = monotonicNanoseconds() + Int64(seconds * 1e9)
    var batch = SeriesBatch()
    try collector.collect(into: &batch, from: host)
    return samples(batch)
  }

  private func options(_ fake: FakeSystemd) throws -> NodeOptions.Systemd {
    var options = NodeOptions.Systemd()
    options.busAddress = fake.address
    options.unitExclude = try Pattern(#"many.*|.+\.(automount|device|mount|scope|slice)"#, .full)
    return options
  }

  @Test func `no bus is a failure that names the bus`() {
    var options = NodeOptions.Systemd()
    options.busAddress = "unix:path=/nowhere/bus"
    var collector = SystemdCollector(options: options)
    let error = #expect(throws: SystemError.self) { try collect(&collector) }
    #expect(error?.description == "connect unix:path=/nowhere/bus: No such file or directory")
  }

  @Test(arguments: [
    ("252.39-1~deb12u1", 252.39), ("v257", 257), ("12 255.4", 255.4), ("99", 0), ("", 0), ("249.", 249),
  ])
  func `the version is its first number of three digits or more`(text: String, expected: Double) {
    #expect(versionNumber(text) == expected)
  }

  @Test(.enabled(if: FakeSystemd.isPossible, "needs dbus-daemon and python3-dbus"))
  func `units, their states and their numbers are exported`() throws {
    let fake = try FakeSystemd()
    var options = try options(fake)
    options.enableRestarts = true
    options.startTime = true
    options.taskMetrics = true
    var collector = SystemdCollector(options: options)
    var got = try collect(&collector)
    let states = ["active", "activating", "deactivating", "inactive", "failed"]
    var expected: [String: Double] = [
      "node_systemd_version{version=\"252.39-1~deb12u1\"}": 252.39,
      "node_systemd_virtualization_info{virtualization_type=\"none\"}": 1, "node_systemd_system_running": 1,
      "node_systemd_units{state=\"active\"}": 3, "node_systemd_units{state=\"activating\"}": 0,
      "node_systemd_units{state=\"deactivating\"}": 0, "node_systemd_units{state=\"inactive\"}": 302,
      "node_systemd_units{state=\"failed\"}": 1, "node_systemd_units{state=\"reloading\"}": 1,
      "node_systemd_service_restart_total{name=\"web.service\"}": 3,
      "node_systemd_service_restart_total{name=\"job.service\"}": 0,
      "node_systemd_unit_start_time_seconds{name=\"web.service\"}": 1_700_000_000.5,
      "node_systemd_unit_start_time_seconds{name=\"job.service\"}": 0,
      "node_systemd_unit_start_time_seconds{name=\"odd.service\"}": 0,
      "node_systemd_unit_start_time_seconds{name=\"web.socket\"}": 0,
      "node_systemd_unit_start_time_seconds{name=\"daily.timer\"}": 1_500_000_000,
      "node_systemd_unit_tasks_current{name=\"web.service\"}": 7,
      "node_systemd_timer_last_trigger_seconds{name=\"daily.timer\"}": 1_600_000_000,
      "node_systemd_socket_accepted_connections_total{name=\"web.socket\"}": 11,
      "node_systemd_socket_current_connections{name=\"web.socket\"}": 2,
      "node_systemd_socket_refused_connections_total{name=\"web.socket\"}": 1,
    ]
    for (name, type, current) in [
      ("web.service", "notify", "active"), ("job.service", "oneshot", "failed"), ("odd.service", "", "reloading"),
      ("daily.timer", "", "active"), ("web.socket", "", "inactive"),
    ] {
      for state in states {
        let label = type.isEmpty ? "" : ",type=\"\(type)\""
        expected["node_systemd_unit_state{name=\"\(name)\",state=\"\(state)\"\(label)}"] = state == current ? 1 : 0
      }
    }
    for (series, value) in expected { #expect(got.removeValue(forKey: series) == value, "\(series)") }
    #expect(got == [:])
  }

  @Test(.enabled(if: FakeSystemd.isPossible, "needs dbus-daemon and python3-dbus"))
  func `types are asked once, and again when systemd has loaded its units again`() throws {
    let fake = try FakeSystemd()
    var all = try options(fake)
    all.unitExclude = nil  // 300 units more: far more calls than may be without answer at once
    var collector = SystemdCollector(options: all)
    let first = try collect(&collector)
    #expect(first.keys.count { $0.hasPrefix("node_systemd_unit_state") } == 306 * 5)
    #expect(try fake.calls(of: "Type") == 304)
    _ = try collect(&collector)
    // A unit that has no type is asked again.
    #expect(try fake.calls(of: "Type") == 305)
    #expect(try fake.calls(of: "Version") == 1)
    try fake.tell("reloaded")
    #expect(try collect(&collector) == first)
    #expect(try fake.calls(of: "Type") == 609)
    #expect(try fake.calls(of: "Version") == 2)
  }

  @Test(.enabled(if: FakeSystemd.isPossible, "needs dbus-daemon and python3-dbus"))
  func `a bus that was restarted is found again at once`() throws {
    let fake = try FakeSystemd()
    var collector = SystemdCollector(options: try options(fake))
    let before = try collect(&collector)
    try fake.stop()
    #expect(throws: SystemError.self) { try collect(&collector) }
    try fake.start()
    #expect(try collect(&collector) == before)
    try fake.stop()
    try fake.start()
    #expect(try collect(&collector) == before)
  }

  @Test(.enabled(if: FakeSystemd.isPossible, "needs dbus-daemon and python3-dbus"))
  func `a systemd that does not answer costs no more than the scrape has`() throws {
    let fake = try FakeSystemd()
    var collector = SystemdCollector(options: try options(fake))
    let before = try collect(&collector)
    fake.systemd?.signal(SIGSTOP)
    let error = #expect(throws: SystemError.self) { try collect(&collector, within: 0.3) }
    #expect(error?.errno == ETIMEDOUT)
    fake.systemd?.signal(SIGCONT)
    #expect(try collect(&collector) == before)
    try fake.tell("degraded")
    #expect(try collect(&collector)["node_systemd_system_running"] == 0)
  }
}
