// SPDX-License-Identifier: Apache-2.0

public import RE2

/// What `prometheus.exporter.unix` can be told; the defaults are Alloy's.
///
/// Device patterns are searched for anywhere in the name; of `include` and `exclude` the former wins.
public struct NodeOptions: Equatable, Sendable {
  /// Where proc is mounted.
  public var procfsPath = "/proc"
  /// Where sysfs is mounted.
  public var sysfsPath = "/sys"
  /// Where the host's root directory is.
  public var rootfsPath = "/"
  /// Where udev keeps what it knows of devices.
  public var udevDataPath = "/run/udev/data"
  /// The names of the collectors that run, as `resolveCollectors` gives them.
  public var collectors = resolveCollectors().enabled
  /// Options of `cpu`.
  public var cpu = CPU()
  /// Options of `diskstats`.
  public var disk = Disk()
  /// Options of `filesystem`.
  public var filesystem = Filesystem()
  /// Options of `netdev`.
  public var netdev = NetDev()
  /// Options of `systemd`.
  public var systemd = Systemd()
  /// Options of `vmstat`.
  public var vmstat = VMStat()

  /// Alloy's defaults.
  public init() {}

  /// Options of `cpu`.
  public struct CPU: Equatable, Sendable {
    /// Whether to export the time spent in guests.
    public var guest = false
    /// Whether to export what `/proc/cpuinfo` says.
    public var info = false
    /// Which CPU flags to export; switches `info` on.
    public var flagsInclude: Pattern?
    /// Which CPU bugs to export; switches `info` on.
    public var bugsInclude: Pattern?
  }

  /// Options of `diskstats`.
  public struct Disk: Equatable, Sendable {
    /// The only devices to export.
    public var deviceInclude: Pattern?
    /// Devices to leave out; partitions, RAM disks and loops by default.
    public var deviceExclude: Pattern? = constant(#"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#)
  }

  /// Options of `filesystem`.
  public struct Filesystem: Equatable, Sendable {
    /// Types to leave out; those without storage behind them by default.
    public var fsTypesExclude: Pattern? = constant(
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|"
        + "overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$")
    /// Mount points to leave out.
    public var mountPointsExclude: Pattern? = constant(
      "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)")
    /// How long a mount may take to answer before it counts as stuck.
    public var mountTimeout = Duration.seconds(5)
  }

  /// Options of `netdev`.
  public struct NetDev: Equatable, Sendable {
    /// The only devices to export.
    public var deviceInclude: Pattern?
    /// Devices to leave out.
    public var deviceExclude: Pattern?
    /// Whether to export the devices' addresses.
    public var addressInfo = false
  }

  /// Options of `systemd`; its patterns must fit the whole name (`Pattern(…, .full)`).
  public struct Systemd: Equatable, Sendable {
    /// The only units to export.
    public var unitInclude: Pattern? = constant(".+", .full)
    /// Units to leave out.
    public var unitExclude: Pattern? = constant(#".+\.(automount|device|mount|scope|slice)"#, .full)
    /// Whether to export how often services were restarted.
    public var enableRestarts = false
    /// Whether to export when units became active.
    public var startTime = false
    /// Whether to export how many tasks services have and may have.
    public var taskMetrics = false
    /// The bus systemd is on, in D-Bus's notation; nil for the system bus, or where there is none systemd's own socket.
    public var busAddress: String?
  }

  /// Options of `vmstat`.
  public struct VMStat: Equatable, Sendable {
    /// Which fields to export.
    public var fields: Pattern? = constant("^(oom_kill|pgpg|pswp|pg.*fault).*")
  }

  /// A pattern of ours, which compiles.
  private static func constant(_ text: String, _ anchoring: Pattern.Anchoring = .search) -> Pattern {
    guard let pattern = try? Pattern(text, anchoring) else { preconditionFailure("BUG: bad pattern \(text)") }
    return pattern
  }
}
