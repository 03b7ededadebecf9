// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import RE2
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

private let theirProgram = "/usr/bin/prometheus-node-exporter"

/// Our metrics beside those of Debian's node_exporter 1.5 on the machine the test runs on.
///
/// Ours are read before and after theirs: what did not move between must be equal, what did must lie between.
@Suite(
  .enabled(if: fileKind(theirProgram) == .regular, "Debian's prometheus-node-exporter is not installed"), .serialized)
struct NodeExporterComparisonTests {
  /// What 1.5 does otherwise than the versions we follow, and why.
  private static let onlyOurs: [String: String] = [
    "node_filesystem_purgeable_bytes": "since 1.9",
    "node_filesystem_mount_info": "since 1.9",
    "node_pressure_irq_stalled_seconds_total": "since 1.9",
  ]
  /// What 1.5 has and the versions we follow have not.
  private static let onlyTheirs: [String: String] = Dictionary(
    uniqueKeysWithValues: [
      "Balloon", "FileHugePages", "FilePmdMapped", "GPUActive", "GPUReclaim", "Hugetlb", "KReclaimable",
      "SecPageTables", "Unaccepted",
    ].map { ("node_memory_\($0)_bytes", "the list of fields is closed since 1.9") })
  /// Labels 1.5 does not have yet.
  private static let newLabels: [String: [String]] = [
    "node_disk_info": ["rotational"],  // since 1.10
    "node_filesystem_device_error": ["device_error"], "node_filesystem_readonly": ["device_error"],
    "node_filesystem_size_bytes": ["device_error"], "node_filesystem_free_bytes": ["device_error"],
    "node_filesystem_avail_bytes": ["device_error"], "node_filesystem_files": ["device_error"],
    "node_filesystem_files_free": ["device_error"],  // since 1.7
  ]

  @Test(arguments: [
    "cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netdev", "os", "pressure", "stat", "systemd",
    "time", "uname", "vmstat",
  ])
  func `the collector says what node_exporter says`(collector: String) async throws {
    let theirs = try NodeExporterProcess(collectors: [collector])
    var options = NodeOptions()
    options.collectors = [collector]
    // No systemd is asked: both must say that there is none.
    options.systemd.busAddress = "unix:path=/nowhere/bus"
    try await compare(options, theirs)
  }

  @Test func `what is switched on by options is what node_exporter says`() async throws {
    let theirs = try NodeExporterProcess(
      collectors: ["cpu", "netdev", "vmstat", "diskstats"],
      flags: [
        "--collector.cpu.info", "--collector.cpu.info.flags-include=^(sse|avx).*",
        "--collector.cpu.info.bugs-include=.*",
        "--collector.netdev.address-info", "--collector.vmstat.fields=^(nr_|pg)",
        "--collector.diskstats.device-exclude=", "--collector.diskstats.device-include=.",
      ])
    var options = NodeOptions()
    options.collectors = ["cpu", "netdev", "vmstat", "diskstats"]
    options.cpu.info = true
    options.cpu.flagsInclude = try Pattern("^(sse|avx).*")
    options.cpu.bugsInclude = try Pattern(".*")
    options.netdev.addressInfo = true
    options.vmstat.fields = try Pattern("^(nr_|pg)")
    options.disk.deviceInclude = try Pattern(".")
    try await compare(options, theirs)
  }

  /// Ours, theirs, ours again.
  private func compare(_ options: NodeOptions, _ theirs: NodeExporterProcess) async throws {
    let ours = NodeExporter(options: options, log: Log(to: LogSink(descriptor: -1)))
    let before = try await read(ours)
    var their = try theirs.scrape()
    their.forget(families: Self.onlyTheirs, labels: [:])
    let after = try await read(ours)

    // Devices and mounts may come and go meanwhile: what we saw both times they must see, and nothing we never saw.
    #expect(describe(before).intersection(describe(after)).subtracting(describe(their)) == [])
    #expect(describe(their).subtracting(describe(before).union(describe(after))) == [])
    for (series, value) in their.values where !isAboutTheScrape(series) {
      guard let one = before.values[series], let other = after.values[series] else { continue }
      #expect(
        min(one, other) <= value && value <= max(one, other) || isClose(series, one, value),
        "\(series): \(one), then theirs \(value), then \(other)")
    }
  }

  @Test func `success and duration are told of every collector, and of systemd that it failed`() async throws {
    let theirs = try NodeExporterProcess(collectors: ["loadavg", "systemd"])
    var options = NodeOptions()
    options.collectors = ["loadavg", "systemd"]
    options.systemd.busAddress = "unix:path=/nowhere/bus"
    let ours = try await read(NodeExporter(options: options, log: Log(to: LogSink(descriptor: -1))))
    let their = try theirs.scrape()
    for name in ["loadavg", "systemd"] {
      let series = "node_scrape_collector_success{collector=\"\(name)\"}"
      #expect(ours.values[series] == (name == "loadavg" ? 1 : 0))
      #expect(ours.values[series] == their.values[series])
      #expect(ours.values["node_scrape_collector_duration_seconds{collector=\"\(name)\"}"] != nil)
    }
  }

  private func read(_ exporter: NodeExporter) async throws -> Exposition {
    var text: [UInt8] = []
    writeExposition(
      try await exporter.collect(into: SeriesBatch(), deadline: monotonicNanoseconds() + 10_000_000_000), to: &text)
    var read = Exposition(String(decoding: text, as: UTF8.self))
    // Since 1.6 a mount that cannot be asked is told to be read-only or not all the same.
    read.values = read.values.filter {
      !($0.key.hasPrefix("node_filesystem_readonly{") && $0.key.contains("device_error="))
    }
    read.forget(families: Self.onlyOurs, labels: Self.newLabels)
    return read
  }

  /// Types and series, without the values.
  private func describe(_ exposition: Exposition) -> Set<String> {
    Set(exposition.types.map { "\($0.key) \($0.value)" })
      .union(exposition.values.keys.filter { !$0.hasPrefix("node_exporter_build_info") })
  }

  private func isAboutTheScrape(_ series: String) -> Bool { series.hasPrefix("node_scrape_collector_duration") }

  /// Gauges that move both ways between two reads: memory, load, disk space, open files.
  private func isClose(_ series: String, _ ours: Double, _ theirs: Double) -> Bool {
    // A kernel may let idle and iowait slip back by a tick; both of us hold them, each from its own first reading.
    if series.contains("mode=\"i") { return abs(ours - theirs) < 1 }
    let moving = [
      "node_memory_", "node_load", "node_vmstat_nr_", "node_filesystem_", "node_filefd_allocated", "node_procs_",
      "node_disk_io_now",
    ]
    guard moving.contains(where: { series.hasPrefix($0) }) else { return false }
    return abs(ours - theirs) <= max(abs(ours) / 2, series.contains("_bytes") ? 512e6 : 100)
  }
}

/// What a text of Prometheus's format says.
struct Exposition {
  var types: [String: String] = [:]
  var values: [String: Double] = [:]

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        if words[2].hasPrefix("node_") { types[String(words[2])] = String(words[3]) }
      } else if line.hasPrefix("node_"), let space = line.lastIndex(of: " ") {
        values[Self.withoutEmptyLabels(String(line[..<space]))] = Double(line[line.index(after: space)...])
      }
    }
    // Scraping prints the build's labels, which differ as they should.
    types["node_exporter_build_info"] = nil
  }

  /// An empty label is none, and `name{}` is `name`.
  private static func withoutEmptyLabels(_ series: String) -> String {
    guard let brace = series.firstIndex(of: "{") else { return series }
    let labels = split(series[series.index(after: brace)...].dropLast()).filter { !$0.hasSuffix("=\"\"") }
    return labels.isEmpty ? String(series[..<brace]) : "\(series[..<brace]){\(labels.joined(separator: ","))}"
  }

  /// Splits `a="1",b="2,3"` at the commas between labels.
  private static func split(_ labels: Substring) -> [String] {
    var parts: [String] = [""]
    var (quoted, escaped) = (false, false)
    for character in labels {
      if character == ",", !quoted {
        parts.append("")
        continue
      }
      if character == "\"", !escaped { quoted.toggle() }
      escaped = character == "\\" && !escaped
      parts[parts.count - 1].append(character)
    }
    return parts
  }

  mutating func forget(families: [String: String], labels: [String: [String]]) {
    for family in families.keys {
      types[family] = nil
      values = values.filter { $0.key != family && !$0.key.hasPrefix(family + "{") }
    }
    for (family, names) in labels {
      for (series, value) in values where series.hasPrefix(family + "{") {
        values[series] = nil
        let kept = Self.split(series.dropFirst(family.count + 1).dropLast()).filter { label in
          !names.contains { label.hasPrefix($0 + "=") }
        }
        values["\(family){\(kept.joined(separator: ","))}"] = value
      }
    }
  }
}

/// Their program, running on a port of its own until this value's life ends.
final class NodeExporterProcess {
  private var process = pid_t()
  private let port: UInt16

  init(collectors: [String], flags: [String] = []) throws {
    port = try freePort()
    let defaults = NodeOptions()
    var arguments = [
      theirProgram, "--web.listen-address=127.0.0.1:\(port)", "--web.disable-exporter-metrics",
      "--collector.disable-defaults", "--no-collector.cpu.guest", "--no-collector.netdev.netlink",
      "--collector.netdev.device-exclude=^$",  // Debian's build leaves out lo
      "--collector.diskstats.device-exclude=\(defaults.disk.deviceExclude?.source ?? "")",
      "--collector.filesystem.fs-types-exclude=\(defaults.filesystem.fsTypesExclude?.source ?? "")",
      "--collector.filesystem.mount-points-exclude=\(defaults.filesystem.mountPointsExclude?.source ?? "")",
    ]
    // Debian's build has systemd on; a collector is switched off only by its own name.
    arguments += collectors.map { "--collector.\($0)" }
    // A flag may be given only once: those of the test stand for those above.
    arguments.removeAll { argument in flags.contains { $0.prefix { $0 != "=" } == argument.prefix { $0 != "=" } } }
    arguments += flags
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
    }
    keepDescriptorsFromChildren()
    let result = posix_spawn(&process, theirProgram, &actions, nil, &words, environ)
    guard result == 0 else { throw SystemError("spawn", theirProgram, errno: result) }
  }

  deinit {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }

  /// What it says now; it is given ten seconds to begin to listen.
  func scrape() throws -> Exposition {
    for _ in 0..<200 {
      if let answer = try? httpGet(port: port, path: "/metrics") { return Exposition(answer) }
      usleep(50_000)
    }
    throw SystemError("connect", theirProgram)
  }
}

/// A loopback port nobody listens on just now.
private func freePort() throws -> UInt16 {
  let socket = FileDescriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
  var address = loopback(port: 0)
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutableBytes(of: &address) { bytes in
    let pointer = bytes.bindMemory(to: sockaddr.self).baseAddress!
    return bind(socket.number, pointer, length) == 0 ? getsockname(socket.number, pointer, &length) : -1
  }
  guard result == 0 else { throw SystemError("bind") }
  return UInt16(bigEndian: address.sin_port)
}

private func loopback(port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

/// The body of what `path` answers, HTTP/1.0 so that it ends with the connection.
private func httpGet(port: UInt16, path: String) throws -> String {
  let socket = FileDescriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
  var address = loopback(port: port)
  let result = withUnsafeBytes(of: &address) { bytes in
    connect(socket.number, bytes.bindMemory(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
  }
  guard result == 0 else { throw SystemError("connect") }
  try socket.write(Array("GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8).span)
  var answer: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = try socket.read(into: &chunk)
    if count == 0 { break }
    answer.append(contentsOf: chunk[..<count])
  }
  let text = String(decoding: answer, as: UTF8.self)
  guard text.hasPrefix("HTTP/1.0 200"), let end = text.range(ofHeaderEnd: ()) else { throw SystemError("read") }
  return String(text[end...])
}

extension String {
  fileprivate func range(ofHeaderEnd: Void) -> String.Index? {
    let bytes = Array(utf8)
    let end = bytes.indices.first { bytes[$0...].starts(with: [0x0d, 0x0a, 0x0d, 0x0a]) }
    return end.map { utf8.index(startIndex, offsetBy: $0 + 4) }
  }
}
