// SPDX-License-Identifier: Apache-2.0

import Linux
import RE2
import Telemetry
import Testing

@testable import NodeMetrics

@Suite struct CPUCollectorTests {
  private func seconds(_ samples: [String: Double], _ cpu: Int, _ mode: String) -> Double? {
    samples["node_cpu_seconds_total{cpu=\"\(cpu)\",mode=\"\(mode)\"}"]
  }

  @Test func `times are hundredths of a second, numbered by the line, without the line of the sum`() throws {
    let fake = try FakeHost([
      "proc/stat": "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 200 300 400 500 600 700 800 50 25\ncpu7 1 2 3 4\nintr 5 cpu1 3\n"
    ])
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    let got = try fake.collect(&collector)
    #expect(got.count == 16)
    let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    #expect(modes.map { seconds(got, 0, $0) } == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(modes.map { seconds(got, 7, $0) } == [0.01, 0.02, 0.03, 0.04, 0, 0, 0, 0])
  }

  @Test func `guests' time is told when asked for`() throws {
    let fake = try FakeHost(["proc/stat": "cpu0 100 200 300 400 500 600 700 800 50 25\n"])
    var options = NodeOptions.CPU()
    options.guest = true
    var collector = CPUCollector(options: options, host: fake.host)
    let got = try fake.collect(&collector)
    #expect(got["node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"}"] == 0.5)
    #expect(got["node_cpu_guest_seconds_total{cpu=\"0\",mode=\"nice\"}"] == 0.25)
  }

  @Test func `small steps back are held flat, field by field`() throws {
    let fake = try FakeHost(["proc/stat": "cpu0 100 0 0 1000 500 0 0 0 0 0\n"])
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    _ = try fake.collect(&collector)
    try fake.write("proc/stat", "cpu0 110 0 0 701 480 0 0 0 0 0\n")
    let got = try fake.collect(&collector)
    #expect(seconds(got, 0, "user") == 1.1)
    #expect(seconds(got, 0, "idle") == 10)
    #expect(seconds(got, 0, "iowait") == 5)
  }

  @Test func `three seconds of idle back mean the CPU was replugged: all begins anew`() throws {
    let fake = try FakeHost(["proc/stat": "cpu0 100 0 0 1000 500 0 0 0 0 0\ncpu1 9 0 0 1000 0 0 0 0 0 0\n"])
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    _ = try fake.collect(&collector)
    try fake.write("proc/stat", "cpu0 3 0 0 700 2 0 0 0 0 0\ncpu1 10 0 0 1001 0 0 0 0 0 0\n")
    let got = try fake.collect(&collector)
    #expect(seconds(got, 0, "user") == 0.03)
    #expect(seconds(got, 0, "idle") == 7)
    #expect(seconds(got, 0, "iowait") == 0.02)
    #expect(seconds(got, 1, "idle") == 10.01)
  }

  @Test func `a CPU that goes off is forgotten, and starts anew when it comes back`() throws {
    let fake = try FakeHost(["proc/stat": "cpu0 1 0 0 10\ncpu1 500 0 0 10\ncpu2 1 0 0 10\n"])
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    #expect(try fake.collect(&collector).count == 24)
    try fake.write("proc/stat", "cpu0 1 0 0 10\ncpu2 1 0 0 10\n")
    let without = try fake.collect(&collector)
    #expect(without.count == 16 && seconds(without, 1, "user") == nil)
    try fake.write("proc/stat", "cpu0 1 0 0 10\ncpu1 5 0 0 10\ncpu2 1 0 0 10\n")
    #expect(seconds(try fake.collect(&collector), 1, "user") == 0.05)
  }

  @Test(arguments: ["cpu0 1 x 3 4\n", "cpu0\n", "cpux 1 2 3\n", "cpu0 99999999999999999999 1\n"])
  func `a broken line fails`(content: String) throws {
    let fake = try FakeHost(["proc/stat": content])
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    #expect(throws: CollectorError.unexpectedContent("stat")) { try fake.collect(&collector) }
  }

  @Test func `throttles are told once a core and once a package, online only where the first CPU tells`() throws {
    let cpus = "sys/devices/system/cpu"
    var files = ["proc/stat": "cpu0 1 1 1 1\n", "\(cpus)/isolated": "1,3-4\n", "\(cpus)/cpufreq/x": ""]
    for (cpu, core) in [(0, 0), (1, 0), (2, 1), (10, 1)] {
      files["\(cpus)/cpu\(cpu)/topology/physical_package_id"] = "0\n"
      files["\(cpus)/cpu\(cpu)/topology/core_id"] = "\(core)\n"
      files["\(cpus)/cpu\(cpu)/thermal_throttle/core_throttle_count"] = "\(5 + cpu)\n"
      files["\(cpus)/cpu\(cpu)/thermal_throttle/package_throttle_count"] = "\(30 + cpu)\n"
      if cpu != 0 { files["\(cpus)/cpu\(cpu)/online"] = "\(cpu % 2)\n" }
    }
    let fake = try FakeHost(files)
    var collector = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    var got = try fake.collect(&collector).filter { !$0.key.hasPrefix("node_cpu_seconds") }
    // In byte order cpu10 comes before cpu2.
    let throttles = [
      #"node_cpu_core_throttles_total{core="0",package="0"}"#: 5.0,
      #"node_cpu_core_throttles_total{core="1",package="0"}"#: 15,
      #"node_cpu_package_throttles_total{package="0"}"#: 30, #"node_cpu_isolated{cpu="1"}"#: 1,
      #"node_cpu_isolated{cpu="3"}"#: 1, #"node_cpu_isolated{cpu="4"}"#: 1,
    ]
    #expect(got == throttles)
    try fake.write("\(cpus)/cpu0/online", "1\n")
    var fresh = CPUCollector(options: NodeOptions.CPU(), host: fake.host)
    got = try fake.collect(&fresh).filter { $0.key.hasPrefix("node_cpu_online") }
    #expect(
      got == [
        #"node_cpu_online{cpu="0"}"#: 1, #"node_cpu_online{cpu="1"}"#: 1, #"node_cpu_online{cpu="10"}"#: 0,
        #"node_cpu_online{cpu="2"}"#: 0,
      ])
  }

  @Test func `cpuinfo is told for each processor, flags and bugs of the first`() throws {
    let fake = try FakeHost([
      "proc/stat": "",
      "proc/cpuinfo": """
      processor\t: 0
      vendor_id\t: GenuineExample
      cpu family\t: 6
      model\t\t: 142
      model name\t: Example(R) CPU @ 1.90GHz
      stepping\t: 10
      microcode\t: 0xb4
      cache size\t: 8192 KB
      physical id\t: 0
      core id\t\t: 0
      flags\t\t: fpu aes avx avx2
      bugs\t\t: meltdown l1tf
      power management:

      processor\t: 1
      core id\t\t: 1
      flags\t\t: sse
      """,
    ])
    var options = NodeOptions.CPU()
    options.flagsInclude = try Pattern("^(aes|avx.?|sse)$")
    options.bugsInclude = try Pattern("melt")
    var collector = CPUCollector(options: options, host: fake.host)
    #expect(
      try fake.collect(&collector) == [
        #"node_cpu_info{cachesize="8192 KB",core="0",cpu="0",family="6",microcode="0xb4",model="142",model_name="Example(R) CPU @ 1.90GHz",package="0",stepping="10",vendor="GenuineExample"}"#:
          1,
        #"node_cpu_info{core="1",cpu="1"}"#: 1, #"node_cpu_flag_info{flag="aes"}"#: 1,
        #"node_cpu_flag_info{flag="avx"}"#: 1, #"node_cpu_flag_info{flag="avx2"}"#: 1,
        #"node_cpu_bug_info{bug="meltdown"}"#: 1,
      ])
    var missing = CPUCollector(options: options, host: try FakeHost(["proc/stat": "cpu0 1\n"]).host)
    var batch = SeriesBatch()
    #expect(throws: SystemError.self) { try missing.collect(into: &batch, from: FakeHost().host) }
    #expect(batch.count == 0)
  }

  @Test(arguments: [
    ("", []), ("0", [0]), ("0-2,5", [0, 1, 2, 5]), ("3-1", []), ("a,1", [1]), ("0-99999999999", []), ("1-2-3", []),
  ])
  func `lists of CPUs are numbers and ranges`(text: String, expected: [Int]) {
    #expect(parseCPUList(text) == expected)
  }
}
