// SPDX-License-Identifier: Apache-2.0

/// The collectors there are.
public enum Collectors {
  /// A collector people can name.
  public struct Entry: Sendable {
    /// Its name.
    public var name: String
    /// Whether it runs when nobody chose.
    public var onByDefault: Bool
    let make: @Sendable (NodeOptions, Host) -> any Collector
  }

  /// All collectors, in the order users see them and in which they run.
  public static let all: [Entry] = [
    entry(CPUCollector.self) { CPUCollector(options: $0.cpu, host: $1) },
    entry(DiskStatsCollector.self) { DiskStatsCollector(options: $0.disk, host: $1) },
    entry(FileDescriptorCollector.self) { _, _ in FileDescriptorCollector() },
    entry(FilesystemCollector.self) { options, _ in FilesystemCollector(options: options.filesystem) },
    entry(LoadAverageCollector.self) { _, _ in LoadAverageCollector() },
    entry(MemoryCollector.self) { _, _ in MemoryCollector() },
    entry(NetDevCollector.self) { options, _ in NetDevCollector(options: options.netdev) },
    entry(OSCollector.self) { OSCollector(host: $1) },
    entry(PressureCollector.self) { _, _ in PressureCollector() },
    entry(StatCollector.self) { _, _ in StatCollector() },
    entry(SystemdCollector.self, onByDefault: false) { options, _ in SystemdCollector(options: options.systemd) },
    entry(TimeCollector.self) { TimeCollector(host: $1) },
    entry(UnameCollector.self) { _, _ in UnameCollector() },
    entry(VMStatCollector.self) { options, _ in VMStatCollector(options: options.vmstat) },
  ]

  /// Names that mean a collector of node_exporter or Alloy on Linux that we do not have yet.
  static let notYet: Set<String> = [
    "arp", "bcache", "bcachefs", "bonding", "btrfs", "buddyinfo", "cgroups", "conntrack", "cpu_vulnerabilities",
    "cpufreq", "dmi", "dmmultipath", "drbd", "drm", "edac", "entropy", "ethtool", "fibrechannel", "hwmon", "infiniband",
    "interrupts", "ipvs", "kernel_hung", "ksmd", "lnstat", "logind", "mdadm", "meminfo_numa", "mountstats", "netclass",
    "netstat", "network_route", "nfs", "nfsd", "ntp", "nvme", "nvmesubsystem", "pcidevice", "perf", "powersupplyclass",
    "processes", "qdisc", "rapl", "runit", "schedstat", "selinux", "slabinfo", "sockstat", "softirqs", "softnet",
    "supervisord", "swap", "sysctl", "tapestats", "tcpstat", "textfile", "thermal_zone", "timex", "udp_queues",
    "watchdog", "wifi", "xfrm", "xfs", "zfs", "zoneinfo",
  ]

  /// Names Alloy knows that mean nothing on Linux.
  static let otherSystems: Set<String> = ["devstat", "exec", "netisr"]

  /// What people write, and what they mean by it. `disk` and `powersupply` are the names of Alloy's blocks.
  static let aliases: [String: String] = [
    "disk": "diskstats", "disks": "diskstats", "diskstat": "diskstats", "mem": "meminfo", "memory": "meminfo",
    "net": "netdev", "network": "netdev", "load": "loadavg", "fs": "filesystem", "mounts": "filesystem",
    "mount": "filesystem", "sensors": "hwmon", "thermal": "thermal_zone", "powersupply": "powersupplyclass",
    "power_supply": "powersupplyclass", "battery": "powersupplyclass", "psi": "pressure", "raid": "mdadm",
    "mdstat": "mdadm", "md": "mdadm", "tcp": "tcpstat", "process": "processes", "interrupt": "interrupts",
    "irq": "interrupts", "softirq": "softirqs", "uptime": "stat", "boottime": "stat", "forks": "stat",
  ]

  private static func entry<Kind: Collector>(
    _ kind: Kind.Type, onByDefault: Bool = true, _ make: @Sendable @escaping (NodeOptions, Host) -> Kind
  ) -> Entry {
    Entry(name: kind.name, onByDefault: onByDefault, make: make)
  }
}
