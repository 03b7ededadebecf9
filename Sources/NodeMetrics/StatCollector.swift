// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// Interrupts, context switches, forks, boot time and runnable processes from `/proc/stat`.
public struct StatCollector: Collector {
  /// `stat`.
  public static let name = "stat"

  /// Appends the six numbers; a line the kernel does not write counts as 0.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let totals = try host.withProcFile("stat") { try KernelTotals($0) }
    batch.family("node_boot_time_seconds", .gauge, help: "When the host was started, in seconds since 1970.")
    batch.append(Double(totals.bootTime))
    batch.family("node_context_switches_total", .counter, help: "Times the kernel switched to another task.")
    batch.append(Double(totals.contextSwitches))
    batch.family("node_forks_total", .counter, help: "Processes and threads started.")
    batch.append(Double(totals.forks))
    batch.family("node_intr_total", .counter, help: "Interrupts served.")
    batch.append(Double(totals.interrupts))
    batch.family("node_procs_blocked", .gauge, help: "Tasks that wait for a disk.")
    batch.append(Double(totals.blocked))
    batch.family("node_procs_running", .gauge, help: "Tasks that run or could.")
    batch.append(Double(totals.running))
  }
}

/// The lines of `/proc/stat` that are not about one CPU.
struct KernelTotals: Equatable {
  var interrupts: UInt64 = 0
  var contextSwitches: UInt64 = 0
  var bootTime: UInt64 = 0
  var forks: UInt64 = 0
  var running: UInt64 = 0
  var blocked: UInt64 = 0

  /// Reads the first number of each line; the rest of `intr` can be hundreds of kilobytes.
  init(_ bytes: Span<UInt8>) throws {
    var offset = 0
    while let line = nextLine(bytes, at: &offset) {
      var place = line.lowerBound
      guard let key = nextField(bytes, at: &place, before: line.upperBound), !hasPrefix(bytes, key, "cpu") else {
        continue
      }
      guard let field = field(bytes, key) else { continue }
      guard let number = nextField(bytes, at: &place, before: line.upperBound).flatMap({ parseUnsigned(bytes, $0) })
      else { throw CollectorError.unexpectedContent("stat") }
      self[keyPath: field] = number
    }
  }

  private func field(_ bytes: Span<UInt8>, _ key: Range<Int>) -> WritableKeyPath<KernelTotals, UInt64>? {
    if equal(bytes, key, "intr") { return \.interrupts }
    if equal(bytes, key, "ctxt") { return \.contextSwitches }
    if equal(bytes, key, "btime") { return \.bootTime }
    if equal(bytes, key, "processes") { return \.forks }
    if equal(bytes, key, "procs_running") { return \.running }
    if equal(bytes, key, "procs_blocked") { return \.blocked }
    return nil
  }
}
