// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
public import Telemetry

/// `node_filesystem_*`: size and free space of what is mounted.
///
/// Asking a mount can hang for ever when its server is gone, so it is done on threads of its own: a mount that has not
/// answered in time is reported with `device_error="mountpoint timeout"`, and is not asked again until it has.
public struct FilesystemCollector: Collector {
  /// `filesystem`.
  public static let name = "filesystem"

  private let options: NodeOptions.Filesystem
  private let pool: StatfsPool
  private var table = MountTable()
  private var answers: [StatfsAnswer] = []

  init(options: NodeOptions.Filesystem, statfs: @escaping StatfsPool.Call = askKernel) {
    self.options = options
    pool = StatfsPool(statfs)
  }

  /// Appends what each mount that is wanted has and has left.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    try readMounts(from: host)
    pool.ask(table.questions, until: limit(host), answers: &answers)
    append(to: &batch)
    guard table.complete else { throw CollectorError.unexpectedContent("mountinfo") }
  }

  /// The mounts of the host's first process; our own only where that cannot be seen at all.
  private mutating func readMounts(from host: Host) throws {
    do {
      try host.withProcFile("1/mountinfo") { table.update($0, options: options, rootfs: host.rootfs) }
    } catch let error as SystemError where error.errno == ENOENT {
      try host.withProcFile("self/mountinfo") { table.update($0, options: options, rootfs: host.rootfs) }
    }
  }

  /// How long mounts may take; a tenth of what is left of the scrape is kept for the other collectors.
  private func limit(_ host: Host) -> Int64 {
    let now = monotonicNanoseconds()
    let (seconds, attoseconds) = options.mountTimeout.components
    let timeout = max(0, min(seconds, 86400)) * 1_000_000_000 + attoseconds / 1_000_000_000
    let left = max(0, host.deadline.subtractingReportingOverflow(now).partialValue)
    return now + min(timeout, left / 10 * 9)
  }

  private func append(to batch: inout SeriesBatch) {
    guard !table.mounts.isEmpty else { return }
    family("node_filesystem_size_bytes", "Bytes a file system has room for.", &batch) { $0.blocks * $0.blockSize }
    family("node_filesystem_free_bytes", "Bytes free in a file system.", &batch) { $0.freeBlocks * $0.blockSize }
    family("node_filesystem_avail_bytes", "Bytes free in a file system for others than root.", &batch) {
      $0.availableBlocks * $0.blockSize
    }
    family("node_filesystem_files", "Inodes a file system has.", &batch) { $0.files }
    family("node_filesystem_files_free", "Inodes free in a file system.", &batch) { $0.freeFiles }
    family("node_filesystem_purgeable_bytes", "Bytes that could be freed on demand; always 0 on Linux.", &batch) { _ in
      0
    }
    batch.family("node_filesystem_readonly", .gauge, help: "1 for a file system that cannot be written to.")
    for (mount, answer) in zip(table.mounts, answers) {
      append(mount.readOnly && answer != .late ? 1 : 0, mount, answer, to: &batch)
    }
    batch.family("node_filesystem_device_error", .gauge, help: "1 for a file system that does not tell its numbers.")
    for (mount, answer) in zip(table.mounts, answers) {
      append(answer.numbers == nil ? 1 : 0, mount, answer, to: &batch)
    }
    batch.family("node_filesystem_mount_info", .gauge, help: "Always 1; the device that is mounted.")
    for (mount, answer) in zip(table.mounts, answers) where answer.numbers != nil {
      batch.label("device", mount.device)
      batch.label("major", mount.major)
      batch.label("minor", mount.minor)
      batch.label("mountpoint", mount.mountPoint)
      batch.append(1)
    }
  }

  private func family(
    _ name: StaticString, _ help: StaticString, _ batch: inout SeriesBatch, _ value: (FilesystemNumbers) -> Double
  ) {
    batch.family(name, .gauge, help: help)
    for (mount, answer) in zip(table.mounts, answers) {
      if let numbers = answer.numbers { append(value(numbers), mount, answer, to: &batch) }
    }
  }

  private func append(_ value: Double, _ mount: Mount, _ answer: StatfsAnswer, to batch: inout SeriesBatch) {
    batch.label("device", mount.device)
    switch answer {
    case .numbers: break
    case .late: batch.label("device_error", "mountpoint timeout")
    case .failed(let number): batch.label("device_error", lowercased(number))
    }
    batch.label("fstype", mount.type)
    batch.label("mountpoint", mount.mountPoint)
    batch.append(value)
  }

  /// The reason as node_exporter writes it, which is how existing alerts know it.
  private func lowercased(_ number: Int32) -> String {
    if number == ESTALE { return "stale NFS file handle" }
    let reason = errorText(number)
    return reason.prefix(1).lowercased() + reason.dropFirst()
  }
}
