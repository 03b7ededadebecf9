// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// The CPUs sysfs lists: which are on, and how often cores and packages were slowed down for heat.
struct CPUTopology {
  private struct Throttle {
    var package: String
    var core: String
    var file: String
  }

  private var online: [(cpu: String, file: String)] = []
  private var cores: [Throttle] = []
  private var packages: [Throttle] = []
  private var listedAt: Int64?
  private var listedFor = 0

  private static let folder = "devices/system/cpu"
  private static let minute: Int64 = 60 * 1_000_000_000

  /// Lists the CPUs again when their number has changed, and once a minute: they hardly ever come and go.
  mutating func refresh(from host: Host, cpus: Int) {
    let now = monotonicNanoseconds()
    if let listedAt, now - listedAt < Self.minute, listedFor == cpus { return }
    listedAt = now
    listedFor = cpus
    online.removeAll()
    cores.removeAll()
    packages.removeAll()
    let names = host.sysEntries(Self.folder).filter(isCPU)
    for name in names { add(name, from: host) }
    // Only where the first can be switched off does the kernel say of each whether it is on.
    if let first = names.first, host.sysText("\(Self.folder)/\(first)/online") == nil { online.removeAll() }
  }

  private func isCPU(_ name: String) -> Bool {
    let digits = name.utf8.dropFirst(3)
    return name.hasPrefix("cpu") && !digits.isEmpty && digits.allSatisfy { $0 &- 0x30 < 10 }
  }

  /// Takes the first CPU of each core for the core, and the first of each package for the package.
  private mutating func add(_ name: String, from host: Host) {
    let path = "\(Self.folder)/\(name)"
    online.append((String(name.dropFirst(3)), "\(path)/online"))
    guard let package = host.sysNumber("\(path)/topology/physical_package_id").map({ "\($0)" }),
      let core = host.sysNumber("\(path)/topology/core_id").map({ "\($0)" })
    else { return }
    let coreFile = "\(path)/thermal_throttle/core_throttle_count"
    let packageFile = "\(path)/thermal_throttle/package_throttle_count"
    if !cores.contains(where: { $0.package == package && $0.core == core }), host.sysNumber(coreFile) != nil {
      cores.append(Throttle(package: package, core: core, file: coreFile))
    }
    if !packages.contains(where: { $0.package == package }), host.sysNumber(packageFile) != nil {
      packages.append(Throttle(package: package, core: "", file: packageFile))
    }
  }

  /// Appends how often each core and package was throttled.
  func appendThrottles(from host: Host, to batch: inout SeriesBatch) {
    if !packages.isEmpty {
      batch.family("node_cpu_package_throttles_total", .counter, help: "Times a CPU package was slowed down for heat.")
      for package in packages { append(package, from: host, to: &batch) }
    }
    if !cores.isEmpty {
      batch.family("node_cpu_core_throttles_total", .counter, help: "Times a CPU core was slowed down for heat.")
      for core in cores { append(core, from: host, to: &batch) }
    }
  }

  private func append(_ throttle: Throttle, from host: Host, to batch: inout SeriesBatch) {
    guard let count = host.sysNumber(throttle.file) else { return }
    batch.label("core", throttle.core)
    batch.label("package", throttle.package)
    batch.append(Double(count))
  }

  /// Appends which CPUs are on.
  func appendOnline(from host: Host, to batch: inout SeriesBatch) {
    guard !online.isEmpty else { return }
    batch.family("node_cpu_online", .gauge, help: "1 for a CPU that is on, 0 for one that is off.")
    for cpu in online {
      guard let state = host.sysNumber(cpu.file) else { continue }
      batch.append("cpu", cpu.cpu, value: state == 1 ? 1 : 0)
    }
  }
}
