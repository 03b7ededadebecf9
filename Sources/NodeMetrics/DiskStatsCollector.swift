// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_disk_*` from `/proc/diskstats`, with what udev knows of each disk.
public struct DiskStatsCollector: Collector {
  /// `diskstats`.
  public static let name = "diskstats"

  private let filter: NameFilter
  private let hasUdev: Bool
  private var disks: [DiskRow] = []

  init(options: NodeOptions.Disk, host: Host) {
    filter = NameFilter(include: options.deviceInclude, exclude: options.deviceExclude)
    hasUdev = fileKind(host.udevData) == .directory
    if !hasUdev { host.log.info("no udev data: disks are exported without model and serial", ("path", host.udevData)) }
  }

  /// Appends the counters of each disk that is wanted; columns the kernel does not write have no series.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    for index in disks.indices { disks[index].present = false }
    let complete = try host.withProcFile("diskstats") { read($0) }
    for disk in disks where !disk.present { host.forgetSysAttribute(disk.rotationalFile) }
    disks.removeAll { !$0.present }
    if !disks.isEmpty {
      appendCounters(to: &batch)
      appendIdentities(from: host, to: &batch)
    }
    guard complete else { throw CollectorError.unexpectedContent("diskstats") }
  }

  /// Takes lines `major minor name` and 11, 15 or 17 counters; false when one had something that is no number.
  private mutating func read(_ bytes: Span<UInt8>) -> Bool {
    var offset = 0
    var place = 0
    var complete = true
    while let line = nextLine(bytes, at: &offset) {
      var field = line.lowerBound
      guard let major = nextField(bytes, at: &field, before: line.upperBound),
        let minor = nextField(bytes, at: &field, before: line.upperBound),
        let name = nextField(bytes, at: &field, before: line.upperBound),
        let (columns, count) = parseColumns(bytes, field..<line.upperBound)
      else {
        complete = complete && line.isEmpty
        continue
      }
      guard count >= 11, filter.wants(bytes.extracting(name)) else { continue }
      let number = DeviceNumber(major: parseUnsigned(bytes, major) ?? 0, minor: parseUnsigned(bytes, minor) ?? 0)
      let index = find(bytes.extracting(name), number, near: place)
      disks[index].columns = columns
      disks[index].columnCount = count
      disks[index].present = true
      place = index + 1
    }
    return complete
  }

  private func parseColumns(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (InlineArray<17, UInt64>, Int)? {
    var columns = InlineArray<17, UInt64>(repeating: 0)
    var count = 0
    var place = range.lowerBound
    while count < 17, let field = nextField(bytes, at: &place, before: range.upperBound) {
      guard let number = parseUnsigned(bytes, field) else { return nil }
      columns[count] = number
      count += 1
    }
    return (columns, count)
  }

  /// Where the disk stands that has this name and number; the next after the last found, unless disks came or went.
  private mutating func find(_ name: Span<UInt8>, _ number: DeviceNumber, near place: Int) -> Int {
    if place < disks.count, disks[place].isCalled(name, number) { return place }
    if let index = disks.indices.first(where: { disks[$0].isCalled(name, number) }) { return index }
    disks.append(DiskRow(name: name, number: number))
    return disks.endIndex - 1
  }

  private func appendCounters(to batch: inout SeriesBatch) {
    for (column, family) in diskFamilies.enumerated() where disks.contains(where: { $0.columnCount > column }) {
      batch.family(family.name, family.type, help: family.help)
      for disk in disks where disk.columnCount > column {
        batch.append("device", disk.label, value: Double(disk.columns[column]) * family.factor)
      }
    }
  }

  private mutating func appendIdentities(from host: Host, to batch: inout SeriesBatch) {
    for index in disks.indices {
      if hasUdev { disks[index].refreshProperties(from: host) }
      disks[index].refreshRotational(from: host)
    }
    batch.family("node_disk_info", .gauge, help: "Always 1; what is known of a disk.")
    for disk in disks { disk.appendInfo(to: &batch) }
    batch.family("node_disk_filesystem_info", .gauge, help: "Always 1; the file system a disk holds.")
    for disk in disks { disk.appendFilesystem(to: &batch) }
    batch.family("node_disk_device_mapper_info", .gauge, help: "Always 1; what a mapped device is made of.")
    for disk in disks { disk.appendDeviceMapper(to: &batch) }
    batch.family("node_disk_ata_write_cache", .gauge, help: "1 for an ATA disk with a write cache.")
    for disk in disks { disk.appendNumber("ID_ATA_WRITE_CACHE", to: &batch) }
    batch.family("node_disk_ata_write_cache_enabled", .gauge, help: "1 for an ATA disk whose write cache is on.")
    for disk in disks { disk.appendNumber("ID_ATA_WRITE_CACHE_ENABLED", to: &batch) }
    batch.family("node_disk_ata_rotation_rate_rpm", .gauge, help: "Turns an ATA disk makes in a minute; 0 for none.")
    for disk in disks { disk.appendNumber("ID_ATA_ROTATION_RATE_RPM", to: &batch) }
  }
}

private let diskFamilies: [(name: StaticString, type: MetricType, factor: Double, help: StaticString)] = [
  ("node_disk_reads_completed_total", .counter, 1, "Reads a disk has completed."),
  ("node_disk_reads_merged_total", .counter, 1, "Reads merged with another before they reached the disk."),
  ("node_disk_read_bytes_total", .counter, 512, "Bytes read from a disk."),
  ("node_disk_read_time_seconds_total", .counter, 0.001, "Time all reads of a disk took together."),
  ("node_disk_writes_completed_total", .counter, 1, "Writes a disk has completed."),
  ("node_disk_writes_merged_total", .counter, 1, "Writes merged with another before they reached the disk."),
  ("node_disk_written_bytes_total", .counter, 512, "Bytes written to a disk."),
  ("node_disk_write_time_seconds_total", .counter, 0.001, "Time all writes to a disk took together."),
  ("node_disk_io_now", .gauge, 1, "Requests a disk is working on."),
  ("node_disk_io_time_seconds_total", .counter, 0.001, "Time during which a disk had something to do."),
  (
    "node_disk_io_time_weighted_seconds_total", .counter, 0.001,
    "Time during which a disk had something to do, times the requests it had."
  ),
  ("node_disk_discards_completed_total", .counter, 1, "Discards a disk has completed."),
  ("node_disk_discards_merged_total", .counter, 1, "Discards merged with another before they reached the disk."),
  ("node_disk_discarded_sectors_total", .counter, 1, "Sectors discarded on a disk."),
  ("node_disk_discard_time_seconds_total", .counter, 0.001, "Time all discards of a disk took together."),
  ("node_disk_flush_requests_total", .counter, 1, "Flushes a disk has completed."),
  ("node_disk_flush_requests_time_seconds_total", .counter, 0.001, "Time all flushes of a disk took together."),
]
