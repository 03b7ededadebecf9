// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_cpu_*`: where each CPU's time goes, from `/proc/stat`, and what sysfs and `/proc/cpuinfo` know of CPUs.
public struct CPUCollector: Collector {
  /// `cpu`.
  public static let name = "cpu"

  private let options: NodeOptions.CPU
  private let isolated: [Int]
  private var times = CPUTimes()
  private var topology = CPUTopology()

  /// Reads which CPUs are isolated once; the kernel decides that at boot.
  init(options: NodeOptions.CPU, host: Host) {
    self.options = options
    isolated = parseCPUList(host.sysText("devices/system/cpu/isolated") ?? "")
  }

  /// Appends the CPUs' times, and whatever else the host has.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    if options.info || options.flagsInclude != nil || options.bugsInclude != nil {
      try host.withProcFile("cpuinfo") { appendCPUInfo($0, options: options, to: &batch) }
    }
    try host.withProcFile("stat") { try times.update($0) }
    appendTimes(to: &batch)
    appendIsolated(to: &batch)
    topology.refresh(from: host, cpus: times.rows.count)
    topology.appendThrottles(from: host, to: &batch)
    topology.appendOnline(from: host, to: &batch)
  }

  private func appendTimes(to batch: inout SeriesBatch) {
    batch.family("node_cpu_seconds_total", .counter, help: "Time a CPU spent in a mode, in seconds.")
    for row in times.rows {
      for mode in 0..<8 { append(row.ticks[mode], cpu: row.label, mode: cpuModes[mode], to: &batch) }
    }
    guard options.guest else { return }
    batch.family(
      "node_cpu_guest_seconds_total", .counter, help: "Time a CPU spent running guests, contained in user and nice.")
    for row in times.rows {
      append(row.ticks[8], cpu: row.label, mode: "user", to: &batch)
      append(row.ticks[9], cpu: row.label, mode: "nice", to: &batch)
    }
  }

  private func append(_ ticks: UInt64, cpu: String, mode: StaticString, to batch: inout SeriesBatch) {
    batch.label("cpu", cpu)
    batch.label("mode", mode)
    batch.append(Double(ticks) / 100)  // USER_HZ, which is 100 wherever Linux runs
  }

  private func appendIsolated(to batch: inout SeriesBatch) {
    guard !isolated.isEmpty else { return }
    batch.family("node_cpu_isolated", .gauge, help: "1 for each CPU the scheduler leaves alone.")
    for cpu in isolated { batch.append("cpu", "\(cpu)", value: 1) }
  }
}

private let cpuModes: [StaticString] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]

/// Parses `0-3,5`; what is not a number or a range is passed over, and a list longer than any machine is cut.
func parseCPUList(_ text: String) -> [Int] {
  var cpus: [Int] = []
  for part in text.split(separator: ",") {
    let bounds = part.split(separator: "-").map { Int($0) }
    guard let first = bounds.first, let first, let last = bounds.last, let last, bounds.count <= 2 else { continue }
    guard first >= 0, last >= first, last < 1 << 16 else { continue }
    cpus.append(contentsOf: first...last)
  }
  return Array(cpus.prefix(1 << 16))
}
