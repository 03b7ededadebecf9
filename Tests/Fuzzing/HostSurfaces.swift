// SPDX-License-Identifier: Apache-2.0

import Linux
import NodeMetrics
import Telemetry
import TestSupport

/// What collectors read. systemd is not among them: it is asked over D-Bus, whose messages libsystemd checks.
let hostSurfaces = [
  // The first byte chooses the file.
  Surface(
    "proc-and-sys",
    seeds: {
      hostFiles.enumerated().compactMap { number, file in
        (try? readFile(file.original, limit: 8 << 10)).map { [UInt8(number)] + $0 }
      } + hostFiles.enumerated().map { [UInt8($0)] + Array($1.sample.utf8) }
    },
    tokens: [
      "cpu0 ", "cpu18446744073709551615 ", "intr ", "btime ", "MemTotal: ", " kB\n", "lo: ", "eth0:", " 8 0 sda ",
      "some avg10=", "full ", "total=",
      " - ext4 ", " / ", "\\040", "\\777", "\\0", "NAME=\"", "SUPPORT_END=", "E:ID_MODEL=", "processor : ", "flags : ",
    ], runs: 200,
    examine: {
      let directory = try TemporaryDirectory()
      for file in hostFiles {
        let path = directory.path(file.path)
        try makeDirectory(parent(of: path))
        overwriteFile(path, Array(file.sample.utf8))
      }
      var options = NodeOptions()
      options.procfsPath = directory.path("proc")
      options.sysfsPath = directory.path("sys")
      options.rootfsPath = directory.path("root")
      options.udevDataPath = directory.path("udev")
      options.collectors = [
        "cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netdev", "os", "pressure", "stat", "time",
        "vmstat",
      ]
      let exporter = NodeExporter(options: options, log: Log(to: LogSink(descriptor: -1)))
      return { input in
        let file = hostFiles[Int(input.first ?? 0) % hostFiles.count]
        overwriteFile(directory.path(file.path), Array(input.dropFirst()))
        defer { overwriteFile(directory.path(file.path), Array(file.sample.utf8)) }
        let batch = try await exporter.collect(into: SeriesBatch(), deadline: .max)
        for row in batch.rows.indices { _ = batch.labels(at: row) }
      }
    })
]

private struct HostFile {
  var path: String
  var original: String
  var sample: String
}

private let hostFiles = [
  HostFile(
    path: "proc/stat", original: "/proc/stat",
    sample:
      "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 99 1 2\nctxt 5\nbtime 1700000000\nprocesses 3\nprocs_running 1\nprocs_blocked 0\n"
  ),
  HostFile(
    path: "proc/cpuinfo", original: "/proc/cpuinfo",
    sample:
      "processor\t: 0\nvendor_id\t: X\nmodel name\t: Y\ncpu MHz\t\t: 1000.5\ncore id\t: 0\nflags\t\t: fpu vme\nbugs\t\t: a b\n\n"
  ),
  HostFile(path: "proc/meminfo", original: "/proc/meminfo", sample: "MemTotal: 100 kB\nHugePages_Total: 0\n"),
  HostFile(path: "proc/loadavg", original: "/proc/loadavg", sample: "0.20 0.18 0.12 1/80 11206\n"),
  HostFile(
    path: "proc/net/dev", original: "/proc/net/dev",
    sample: "Inter-|\n face |\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"),
  HostFile(
    path: "proc/diskstats", original: "/proc/diskstats",
    sample: "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"),
  HostFile(path: "proc/vmstat", original: "/proc/vmstat", sample: "pgfault 1\noom_kill 0\npgpgin 5\n"),
  HostFile(
    path: "proc/pressure/cpu", original: "/proc/pressure/cpu",
    sample: "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"),
  HostFile(
    path: "proc/1/mountinfo", original: "/proc/self/mountinfo",
    sample:
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n23 22 0:5 / /a\\040b ro - tmpfs tmpfs ro,emergency_ro\n"),
  HostFile(path: "proc/sys/fs/file-nr", original: "/proc/sys/fs/file-nr", sample: "100\t0\t9223372036854775807\n"),
  HostFile(
    path: "root/etc/os-release", original: "/etc/os-release",
    sample: "NAME=\"A 'b' \\\"c\"\nVERSION_ID=12.5\nSUPPORT_END=2030-01-01\nID=x # y\n"),
  HostFile(
    path: "udev/b8:0", original: "/dev/null",
    sample: "E:ID_MODEL=Disk\nE:ID_ATA=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\nE:DM_NAME=x\n"),
  HostFile(path: "sys/block/sda/queue/rotational", original: "/dev/null", sample: "1\n"),
  HostFile(
    path: "sys/devices/system/clocksource/clocksource0/available_clocksource", original: "/dev/null",
    sample: "tsc hpet\n"),
  HostFile(
    path: "sys/devices/system/clocksource/clocksource0/current_clocksource", original: "/dev/null", sample: "tsc\n"),
  HostFile(path: "sys/devices/system/cpu/cpu0/topology/core_id", original: "/dev/null", sample: "0\n"),
  HostFile(path: "sys/devices/system/cpu/cpu0/topology/physical_package_id", original: "/dev/null", sample: "0\n"),
  HostFile(
    path: "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", original: "/dev/null", sample: "3\n"),
]
