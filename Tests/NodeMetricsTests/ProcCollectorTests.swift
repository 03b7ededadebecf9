// SPDX-License-Identifier: Apache-2.0

import Linux
import RE2
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

/// The collectors that read one file each.
@Suite struct ProcCollectorTests {
  // MARK: loadavg, filefd

  @Test(arguments: ["", "\n", "0.1 0.2", "0.1 x 0.3 1/2 3", "\n0.1 0.2 0.3"])
  func `a broken loadavg is refused`(content: String) throws {
    let fake = try FakeHost(["proc/loadavg": content])
    var collector = LoadAverageCollector()
    #expect(throws: CollectorError.unexpectedContent("loadavg")) { try fake.collect(&collector) }
  }

  @Test func `loads are the first three fields, and change with the file`() throws {
    let fake = try FakeHost(["proc/loadavg": "0.21 0.37 12.05 1/789 1234\n"])
    var collector = LoadAverageCollector()
    #expect(try fake.collect(&collector) == ["node_load1": 0.21, "node_load5": 0.37, "node_load15": 12.05])
    try fake.write("proc/loadavg", "5 6 7")
    #expect(try fake.collect(&collector) == ["node_load1": 5, "node_load5": 6, "node_load15": 7])
  }

  @Test func `a missing file is told by its path`() throws {
    let fake = try FakeHost()
    var collector = LoadAverageCollector()
    let error = #expect(throws: SystemError.self) { try fake.collect(&collector) }
    #expect(error?.description == "open \(fake.directory.path("proc/loadavg")): No such file or directory")
  }

  @Test func `open files are the first and third number`() throws {
    let fake = try FakeHost(["proc/sys/fs/file-nr": "1472\t0\t9223372036854775807\n"])
    var collector = FileDescriptorCollector()
    #expect(
      try fake.collect(&collector) == [
        "node_filefd_allocated": 1472, "node_filefd_maximum": 9_223_372_036_854_775_808,
      ])
    try fake.write("proc/sys/fs/file-nr", "1472\t0\n")
    #expect(throws: CollectorError.unexpectedContent("sys/fs/file-nr")) { try fake.collect(&collector) }
  }

  // MARK: stat

  @Test func `the kernel's totals are read, and lines that are missing count 0`() throws {
    let interrupts = (0..<30_000).map { "\($0 % 7)" }.joined(separator: " ")
    let fake = try FakeHost([
      "proc/stat": """
      cpu  1 2 3 4
      cpu0 1 2 3 4
      intr 8885917 \(interrupts)
      ctxt 38014093
      btime 1418183276
      processes 26442
      procs_running 2
      softirq 5057579 250191
      """
    ])
    var collector = StatCollector()
    #expect(
      try fake.collect(&collector) == [
        "node_intr_total": 8_885_917, "node_context_switches_total": 38_014_093,
        "node_boot_time_seconds": 1_418_183_276, "node_forks_total": 26442, "node_procs_running": 2,
        "node_procs_blocked": 0,
      ])
    try fake.write("proc/stat", "ctxt many\n")
    #expect(throws: CollectorError.unexpectedContent("stat")) { try fake.collect(&collector) }
  }

  // MARK: meminfo

  @Test func `memory is in bytes, and fields outside the list are left out`() throws {
    let fake = try FakeHost([
      "proc/meminfo": """
      MemTotal:       16042172 kB
      MemFree:               7 kB
      KReclaimable:     120000 kB
      Active(anon):       1000 kB
      Zswap:                 5 kB
      HugePages_Total:       3
      Hugepagesize:       2048 kB
      Buffers:               1 kB
      """
    ])
    var collector = MemoryCollector()
    #expect(
      try fake.collect(&collector) == [
        "node_memory_MemTotal_bytes": 16_042_172 * 1024, "node_memory_MemFree_bytes": 7 * 1024,
        "node_memory_Active_anon_bytes": 1_024_000, "node_memory_Zswap_bytes": 5120,
        "node_memory_HugePages_Total": 3, "node_memory_Hugepagesize_bytes": 2048 * 1024,
        "node_memory_Buffers_bytes": 1024,
      ])
  }

  @Test(arguments: [
    "MemTotal 12 kB", "MemTotal: 12 MB", "MemTotal: kB", "MemTotal: -3 kB", "MemTotal:", "", "x: 1x kB",
  ])
  func `a broken line of meminfo fails, and what came before it stays`(line: String) throws {
    let bytes = Array("MemFree: 4 kB\n\(line)\nBuffers: 1 kB\n".utf8)
    var batch = SeriesBatch()
    #expect(throws: CollectorError.unexpectedContent("meminfo")) { try appendMemory(bytes.span, to: &batch) }
    #expect(samples(batch) == ["node_memory_MemFree_bytes": 4096])
  }

  // MARK: pressure

  @Test func `pressure is told in seconds, cpu's full not at all`() throws {
    let fake = try FakeHost([
      "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=14036781\nfull avg10=0.00 total=9\n",
      "proc/pressure/memory": "some avg10=0.00 total=2500\nfull avg10=0.00 total=500\n",
      "proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=8494\n",
    ])
    var collector = PressureCollector()
    #expect(
      try fake.collect(&collector) == [
        "node_pressure_cpu_waiting_seconds_total": 14_036_781.0 / 1000 / 1000,
        "node_pressure_memory_waiting_seconds_total": 0.0025,
        "node_pressure_memory_stalled_seconds_total": 0.0005,
        "node_pressure_irq_stalled_seconds_total": 8494.0 / 1000 / 1000,
      ])
  }

  @Test func `a kernel without pressure has no data, a broken file fails`() throws {
    let fake = try FakeHost()
    var collector = PressureCollector()
    #expect(throws: CollectorError.noData("pressure stall information")) { try fake.collect(&collector) }
    try fake.write("proc/pressure/cpu", "some avg10=0.00 total=x\n")
    #expect(throws: CollectorError.unexpectedContent("pressure/cpu")) { try fake.collect(&collector) }
    try fake.write("proc/pressure/cpu", "")
    #expect(throws: CollectorError.unexpectedContent("pressure/cpu")) { try fake.collect(&collector) }
  }

  // MARK: vmstat

  @Test func `fields of vmstat are chosen by their names`() throws {
    let content = "nr_free_pages 12\npgpgin 7344136\noom_kill 2\npgmajfault 3\nunevictable_pgs 5\npswpin -1\n"
    let fake = try FakeHost(["proc/vmstat": content])
    var collector = VMStatCollector(options: NodeOptions.VMStat())
    #expect(
      try fake.collect(&collector) == [
        "node_vmstat_pgpgin": 7_344_136, "node_vmstat_oom_kill": 2, "node_vmstat_pgmajfault": 3,
        "node_vmstat_pswpin": -1,
      ])
    var options = NodeOptions.VMStat()
    options.fields = try Pattern("^unevict")
    var other = VMStatCollector(options: options)
    #expect(try fake.collect(&other) == ["node_vmstat_unevictable_pgs": 5])
    try fake.write("proc/vmstat", "pgpgin\n")
    #expect(throws: CollectorError.unexpectedContent("vmstat")) { try fake.collect(&other) }
  }

  // MARK: netdev

  private let netDev = """
    Inter-|   Receive                                                |  Transmit
     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
        lo: 100 2 0 0 0 0 0 0 100 2 0 0 0 0 0 0
      eth0:18446744073709551615 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
    ibr10:30: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0

    """

  @Test func `a device has sixteen counters, and its name may contain a colon`() throws {
    let fake = try FakeHost(["proc/net/dev": netDev])
    var collector = NetDevCollector(options: NodeOptions.NetDev())
    let got = try fake.collect(&collector)
    #expect(got.count == 3 * 16)
    #expect(got["node_network_receive_bytes_total{device=\"ibr10:30\"}"] == 1)
    let columns = [
      "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
      "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs",
      "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
    ]
    for (index, column) in columns.enumerated() {
      let expected = index == 0 ? 18_446_744_073_709_551_616 : Double(index)
      #expect(got["node_network_\(column)_total{device=\"eth0\"}"] == expected, "\(column)")
    }
  }

  @Test func `devices are filtered by patterns`() throws {
    let fake = try FakeHost(["proc/net/dev": netDev])
    var options = NodeOptions.NetDev()
    options.deviceExclude = try Pattern("^lo$")
    var excluding = NetDevCollector(options: options)
    #expect(try fake.collect(&excluding).count == 2 * 16)
    options.deviceInclude = try Pattern("lo")
    var including = NetDevCollector(options: options)
    #expect(try fake.collect(&including).count == 16)
  }

  @Test func `a broken line costs its device alone, and success`() throws {
    let fake = try FakeHost(["proc/net/dev": netDev + " tun0: 1 2 3\n wg0: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"])
    var collector = NetDevCollector(options: NodeOptions.NetDev())
    var batch = SeriesBatch()
    #expect(throws: CollectorError.unexpectedContent("net/dev")) {
      try collector.collect(into: &batch, from: fake.host)
    }
    #expect(samples(batch)["node_network_receive_bytes_total{device=\"wg0\"}"] == 1)
    #expect(samples(batch).count == 4 * 16)
  }

  @Test func `addresses of this machine are told with their scope`() throws {
    let fake = try FakeHost(["proc/net/dev": netDev])
    var options = NodeOptions.NetDev()
    options.addressInfo = true
    options.deviceInclude = try Pattern("^lo$")
    var collector = NetDevCollector(options: options)
    let series =
      #"node_network_address_info{address="127.0.0.1",device="lo",netmask="8",scope="link-local"}"#
    #expect(try fake.collect(&collector)[series] == 1)
  }

  @Test(
    arguments: [
      ([127, 0, 0, 1], "link-local"), ([169, 254, 3, 4], "link-local"), ([224, 0, 0, 1], "link-local"),
      ([239, 1, 1, 1], ""), ([10, 0, 0, 1], "global"), ([0, 0, 0, 0], ""), ([255, 255, 255, 255], ""),
      ([0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1], "link-local"),
      ([UInt8](repeating: 0, count: 15) + [1], "link-local"),
      ([0xff, 0x01] + [UInt8](repeating: 0, count: 13) + [1], "interface-local"),
      ([0xff, 0x0e] + [UInt8](repeating: 0, count: 13) + [1], ""),
      ([0xfd] + [UInt8](repeating: 0, count: 14) + [1], "global"),
    ] as [([UInt8], String)])
  func `scopes are named as node_exporter names them`(address: [UInt8], expected: String) {
    #expect(scope(of: address) == expected)
  }

  // MARK: uname, time

  @Test func `uname has six labels at most`() throws {
    let fake = try FakeHost()
    var collector = UnameCollector()
    let got = try fake.collect(&collector)
    #expect(got.count == 1)
    let series = try #require(got.keys.first)
    #expect(series.contains("nodename=\"\(hostname())\"") && series.contains("sysname=\"Linux\""))
  }

  @Test func `clock sources are told in the order of their devices`() throws {
    let folder = "sys/devices/system/clocksource"
    let fake = try FakeHost([
      "\(folder)/clocksource0/available_clocksource": "tsc hpet acpi_pm \n",
      "\(folder)/clocksource0/current_clocksource": "tsc\n", "\(folder)/power/control": "auto\n",
    ])
    var collector = TimeCollector(host: fake.host)
    var got = try fake.collect(&collector)
    let before = Double(wallClockNanoseconds()) / 1e9
    let time = got.removeValue(forKey: "node_time_seconds")
    #expect(abs(try #require(time) - before) < 60)
    for name in ["tsc", "hpet", "acpi_pm"] {
      let series = "node_time_clocksource_available_info{clocksource=\"\(name)\",device=\"0\"}"
      #expect(got.removeValue(forKey: series) == 1)
    }
    #expect(got.removeValue(forKey: "node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"}") == 1)
    #expect(got.count == 1 && got.keys.first?.hasPrefix("node_time_zone_offset_seconds{time_zone=") == true)
  }
}
