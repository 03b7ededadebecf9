// SPDX-License-Identifier: Apache-2.0

internal import NodeMetrics
internal import RE2
internal import Runtime
internal import Syntax
internal import Telemetry

/// `prometheus.exporter.unix`: this host's metrics, with node_exporter's names and values.
final class PrometheusExporterUnix: Component {
  private let exporter: LocalExporter

  private init(_ exporter: LocalExporter) { self.exporter = exporter }

  static func kind(_ services: Services) -> ComponentKind {
    ComponentKind("prometheus.exporter.unix") { block, context in
      let options = NodeOptions.decode(block)
      return PrometheusExporterUnix(
        LocalExporter(
          services: services, context: context, name: "prometheus.exporter.unix", job: "integrations/unix",
          makeSource: {
            NodeExporter(options: options, build: BuildInfo(version: services.version), log: context.log)
          }))
    }
  }

  var exports: [String: Value] { exporter.exports }

  func run() async throws { await exporter.run() }

  func vitals() async -> Vitals {
    await exporter.answer()
    return Vitals()
  }
}

extension NodeOptions {
  fileprivate static func decode(_ block: BlockDecoder) -> NodeOptions {
    var options = NodeOptions()
    options.procfsPath = block.optional("procfs_path", .string, default: options.procfsPath)
    options.sysfsPath = block.optional("sysfs_path", .string, default: options.sysfsPath)
    options.rootfsPath = block.optional("rootfs_path", .string, default: options.rootfsPath)
    options.udevDataPath = block.optional("udev_data_path", .string, default: options.udevDataPath)
    if block.optional("include_exporter_metrics", .bool, default: false) {
      block.warning(
        "include_exporter_metrics does nothing: there is no Go runtime to report on", at: "include_exporter_metrics",
        hint: "prometheus.exporter.self has the agent's own metrics")
    }
    options.collectors = decodeCollectors(block)
    options.decodeCPU(block.block("cpu"))
    options.decodeDisk(block.block("disk"))
    options.decodeFilesystem(block.block("filesystem"))
    options.decodeNetDev(block.block("netdev"))
    options.decodeSystemd(block.block("systemd"))
    if let vmstat = block.block("vmstat") {
      options.vmstat.fields = vmstat.optional("fields", .pattern(.search)) ?? options.vmstat.fields
    }
    for name in blocksWithoutCollector {
      guard let other = block.block(name) else { continue }
      other.warning("this agent does not have the \(name) collector yet; the block does nothing")
      other.ignoreRest()
    }
    return options
  }

  /// Blocks of Alloy's whose collectors are still to come.
  private static let blocksWithoutCollector = [
    "arp", "bcache", "ethtool", "hwmon", "ipvs", "netclass", "netstat", "ntp", "perf", "powersupply", "runit",
    "supervisord", "sysctl", "tapestats", "textfile",
  ]

  private static func decodeCollectors(_ block: BlockDecoder) -> [String] {
    let lists = ["set_collectors", "enable_collectors", "disable_collectors"].map { name in
      (name, block.optional(name, .list(of: .string), default: []))
    }
    let choice = resolveCollectors(set: lists[0].1, enable: lists[1].1, disable: lists[2].1)
    for finding in choice.findings { report(finding, lists, to: block) }
    return choice.enabled
  }

  private static func report(
    _ finding: CollectorChoice.Finding, _ lists: [(name: String, written: [String])], to block: BlockDecoder
  ) {
    /// The list `name` was written in, and where in it.
    func place(of name: String) -> (attribute: String, path: [ConversionError.Step]) {
      for list in lists {
        if let index = list.written.firstIndex(of: name) { return (list.name, [.index(index)]) }
      }
      return ("set_collectors", [])
    }
    switch finding {
    case .alias(let written, let meant):
      let place = place(of: written)
      block.warning(
        "\"\(written)\" is not a collector; using \"\(meant)\"", at: place.attribute, path: place.path,
        hint: "write \"\(meant)\" (Alloy passes over \"\(written)\" in silence)")
    case .unknown(let written, let suggestions):
      let place = place(of: written)
      let known = Collectors.all.map(\.name).joined(separator: ", ")
      block.error(
        "unknown collector \"\(written)\"", at: place.attribute, path: place.path,
        hint: suggestions.isEmpty
          ? "the collectors are \(known)" : "did you mean \"\(suggestions.joined(separator: "\" or \""))\"?")
    case .notYet(let name):
      let place = place(of: name)
      block.warning(
        "this agent does not have the \(name) collector yet; it is left out", at: place.attribute, path: place.path)
    case .otherSystem(let name):
      let place = place(of: name)
      block.warning("the \(name) collector is not for Linux; it is left out", at: place.attribute, path: place.path)
    case .missingUname:
      block.warning(
        "without the uname collector, dashboards that pick hosts by node_uname_info stay empty", at: "set_collectors",
        hint: "add \"uname\"")
    }
  }

  private mutating func decodeCPU(_ block: BlockDecoder?) {
    guard let block else { return }
    cpu.guest = block.optional("guest", .bool, default: false)
    cpu.info = block.optional("info", .bool, default: false)
    cpu.flagsInclude = block.optional("flags_include", .filter) ?? nil
    cpu.bugsInclude = block.optional("bugs_include", .filter) ?? nil
  }

  private mutating func decodeDisk(_ block: BlockDecoder?) {
    guard let block else { return }
    disk.deviceInclude = block.optional("device_include", .filter) ?? nil
    if let exclude = block.optional("device_exclude", .filter) { disk.deviceExclude = exclude }
  }

  private mutating func decodeFilesystem(_ block: BlockDecoder?) {
    guard let block else { return }
    if let types = block.optional("fs_types_exclude", .filter) { filesystem.fsTypesExclude = types }
    if let points = block.optional("mount_points_exclude", .filter) { filesystem.mountPointsExclude = points }
    filesystem.mountTimeout = block.optional("mount_timeout", .duration, default: filesystem.mountTimeout)
    if filesystem.mountTimeout <= .zero { block.error("mount_timeout must be greater than 0", at: "mount_timeout") }
  }

  private mutating func decodeNetDev(_ block: BlockDecoder?) {
    guard let block else { return }
    netdev.deviceInclude = block.optional("device_include", .filter) ?? nil
    netdev.deviceExclude = block.optional("device_exclude", .filter) ?? nil
    netdev.addressInfo = block.optional("address_info", .bool, default: false)
    if netdev.deviceInclude != nil, netdev.deviceExclude != nil {
      block.error(
        "device_include and device_exclude are mutually exclusive", at: "device_exclude", hint: "use one of the two")
    }
  }

  private mutating func decodeSystemd(_ block: BlockDecoder?) {
    guard let block else { return }
    if let include = block.optional("unit_include", .pattern(.full)) { systemd.unitInclude = include }
    if let exclude = block.optional("unit_exclude", .pattern(.full)) { systemd.unitExclude = exclude }
    systemd.enableRestarts = block.optional("enable_restarts", .bool, default: false)
    systemd.startTime = block.optional("start_time", .bool, default: false)
    systemd.taskMetrics = block.optional("task_metrics", .bool, default: false)
  }
}

extension ValueType where T == Pattern? {
  /// A pattern that is searched for in a name; an empty one filters nothing.
  fileprivate static var filter: ValueType<Pattern?> {
    let search = ValueType<Pattern?>.pattern(.search)
    return ValueType<String>.string.then(empty: nil) { text throws(ConversionError) in
      text.isEmpty ? nil : try search.convert(.string(text))
    }
  }
}
