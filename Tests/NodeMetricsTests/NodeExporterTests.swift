// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

@Suite struct NodeExporterTests {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private func exporter(_ directory: TemporaryDirectory, _ collectors: [String], log: Log) -> NodeExporter {
    var options = NodeOptions()
    options.procfsPath = directory.path("proc")
    options.sysfsPath = directory.path("sys")
    options.rootfsPath = directory.path("root")
    options.udevDataPath = directory.path("udev")
    options.collectors = collectors
    return NodeExporter(options: options, build: BuildInfo(version: "1.2.3", revision: "abc"), log: log)
  }

  @Test func `a failing collector is reported and disturbs no other, and is logged once`() async throws {
    let fake = try FakeHost(["proc/loadavg": "1 2 3\n", "proc/meminfo": "MemFree: 1 kB\nbroken\n"])
    let sink = LogSink(descriptor: -1)
    sink.configure(level: .debug, format: .logfmt)
    let lines = Lines()
    sink.listen { line in lines.all.withLock { $0.append(line.text) } }
    let names = ["pressure", "meminfo", "stat", "loadavg"]
    let exporter = exporter(fake.directory, names, log: Log(to: sink))
    var batch = SeriesBatch()
    for _ in 0..<3 {
      batch.removeAll()
      batch = try await exporter.collect(into: batch, deadline: monotonicNanoseconds() + 10_000_000_000)
    }
    let got = samples(batch)
    for (name, success) in ["pressure": 0.0, "meminfo": 0, "stat": 0, "loadavg": 1] {
      #expect(got["node_scrape_collector_success{collector=\"\(name)\"}"] == success, "\(name)")
      let seconds = try #require(got["node_scrape_collector_duration_seconds{collector=\"\(name)\"}"])
      #expect(seconds >= 0 && seconds < 10)
    }
    #expect(got["node_load1"] == 1)
    #expect(got["node_memory_MemFree_bytes"] == 1024)
    #expect(got.count == 13)
    let written = lines.all.withLock { $0 }
    #expect(written.count == 3)
    #expect(written.filter { $0.contains("level=warn") }.count == 2)
    #expect(written.contains { $0.contains("level=debug") && $0.contains("collector=pressure") })
  }

  @Test func `build info names the program`() async throws {
    let fake = try FakeHost()
    let exporter = exporter(fake.directory, [], log: Log(to: LogSink(descriptor: -1)))
    let batch = try await exporter.collect(into: SeriesBatch(), deadline: .max)
    let series = try #require(samples(batch).keys.first)
    #expect(batch.count == 1 && series.hasPrefix("node_exporter_build_info{goarch="))
    #expect(series.contains("goos=\"linux\"") && series.contains("version=\"1.2.3\""))
  }

  @Test func `the whole of this machine is told without a series twice, and again alike`() async throws {
    let exporter = NodeExporter(log: Log(to: LogSink(descriptor: -1)))
    let first = try await exporter.collect(into: SeriesBatch(), deadline: monotonicNanoseconds() + 10_000_000_000)
    let second = try await exporter.collect(into: SeriesBatch(), deadline: monotonicNanoseconds() + 10_000_000_000)
    #expect(samples(first).count == first.count)
    #expect(Set(samples(first).keys) == Set(samples(second).keys))
    for index in first.families.indices {
      let family = first.familyDescription(at: index)
      #expect(family.name.hasPrefix("node_") && family.help.hasSuffix("."), "\(family)")
    }
  }

  @Test func `random bytes in every file crash nothing`() async throws {
    let fake = try FakeHost()
    var seed: UInt64 = 42
    func random() -> UInt64 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return seed >> 33
    }
    let files = [
      "stat", "meminfo", "diskstats", "1/mountinfo", "net/dev", "loadavg", "vmstat", "sys/fs/file-nr", "pressure/cpu",
      "pressure/io", "pressure/memory", "cpuinfo",
    ]
    let alphabet = Array(
      "0123456789  \n\n:cpu0 intr ctxt sda eth0: kB - / \\040 some total= = E:\" ext4 \u{e9}\0 18446744073709551616"
        .utf8)
    let exporter = exporter(
      fake.directory, Collectors.all.map(\.name).filter { $0 != "systemd" }, log: Log(to: LogSink(descriptor: -1)))
    for _ in 0..<50 {
      for file in files + ["../root/etc/os-release"] {
        let count = Int(random() % 300)
        let bytes = (0..<count).map { _ in alphabet[Int(random() % UInt64(alphabet.count))] }
        let lines = ["", "a b c d e f\n\n", "8 0 sda 1 2 3 ", "cpu0 1 2 ", "1 0 8:1 / / rw - ext4 "][Int(random() % 5)]
        try fake.write("proc/\(file)", lines + String(decoding: bytes, as: UTF8.self))
      }
      let batch = try await exporter.collect(into: SeriesBatch(), deadline: monotonicNanoseconds() + 10_000_000_000)
      #expect(batch.count >= 26)
    }
  }

  @Test func `errors are said once, then once an hour with their number`() {
    var errors = RepeatedErrors()
    let hour: Int64 = 3600 * 1_000_000_000
    #expect(errors.occurrences(of: "a", now: 0) == 1)
    #expect(errors.occurrences(of: "a", now: hour - 1) == nil)
    #expect(errors.occurrences(of: "b", now: hour - 1) == 1)
    #expect(errors.occurrences(of: "a", now: hour) == 2)
    #expect(errors.occurrences(of: "a", now: hour + 1) == nil)
  }

  @Test func `errors with ever new texts do not pile up`() {
    var errors = RepeatedErrors()
    for number in 0..<1000 { #expect(errors.occurrences(of: "\(number)", now: Int64(number)) == 1) }
    #expect(errors.occurrences(of: "999", now: 1000) == nil)
    #expect(errors.occurrences(of: "0", now: 1000) == 1)
  }

  @Test func `a file is opened again when the device behind it is gone`() throws {
    let fake = try FakeHost(["sys/a": "1\n"])
    #expect(fake.host.sysNumber("a") == 1)
    try fake.remove("sys/a")
    // What we hold open can still be read; only the kernel's files tell that they are gone.
    fake.host.forgetSysAttribute("a")
    #expect(fake.host.sysNumber("a") == nil)
    try fake.write("sys/a", "2\n")
    #expect(fake.host.sysNumber("a") == 2)
  }

  @Test func `when the kernel says that what we hold open is gone, it is opened anew`() throws {
    let host = Host(log: Log(to: LogSink(descriptor: -1)))
    var program: Program? = try Program(["/bin/sleep", "60"])
    let file = "\(try #require(program).process)/stat"
    #expect(try host.withProcFile(file) { $0.count } > 10)
    program = nil
    let error = #expect(throws: SystemError.self) { try host.withProcFile(file) { $0.count } }
    #expect(error?.operation == "open" && error?.errno == ENOENT)
  }

  @Test func `attributes are cut at 128 bytes, and files of proc at a mebibyte`() throws {
    let fake = try FakeHost([
      "sys/long": String(repeating: "x", count: 500), "proc/huge": String(repeating: "y", count: 3 << 20),
    ])
    #expect(fake.host.sysText("long")?.utf8.count == 128)
    #expect(try fake.host.withProcFile("huge") { $0.count } == 1 << 20)
  }
}
