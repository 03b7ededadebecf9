// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_memory_*` from `/proc/meminfo`: the closed list of fields node_exporter has had since 1.9.
public struct MemoryCollector: Collector {
  /// `meminfo`.
  public static let name = "meminfo"

  /// Appends every field of the list that this kernel writes.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    try host.withProcFile("meminfo") { try appendMemory($0, to: &batch) }
  }
}

/// Appends the fields of `/proc/meminfo` (lines `Key: number` or `Key: number kB`) to `batch`.
///
/// - Throws: on a line of another form; the fields before it stay.
func appendMemory(_ bytes: Span<UInt8>, to batch: inout SeriesBatch) throws {
  var offset = 0
  var place = 0  // where in the list the last field stood: both are in the kernel's order, so the next is close
  while let line = nextLine(bytes, at: &offset) {
    guard let (key, number, scaled) = parseMemoryLine(bytes, line) else {
      throw CollectorError.unexpectedContent("meminfo")
    }
    guard let found = memoryField(bytes, key, after: place) else { continue }
    place = found + 1
    batch.family(memoryFields[found].family, .gauge, help: "The field of /proc/meminfo that the name ends in.")
    batch.append(Double(number) * (scaled ? 1024 : 1))
  }
}

private func parseMemoryLine(
  _ bytes: Span<UInt8>, _ line: Range<Int>
) -> (key: Range<Int>, number: UInt64, scaled: Bool)? {
  guard let colon = firstIndex(of: 0x3a, in: bytes, line) else { return nil }
  var place = colon + 1
  guard let number = nextField(bytes, at: &place, before: line.upperBound).flatMap({ parseUnsigned(bytes, $0) })
  else { return nil }
  let unit = nextField(bytes, at: &place, before: line.upperBound)
  if let unit, !equal(bytes, unit, "kB") { return nil }
  return (line.lowerBound..<colon, number, unit != nil)
}

private func memoryField(_ bytes: Span<UInt8>, _ key: Range<Int>, after start: Int) -> Int? {
  let fields = memoryFields
  for step in 0..<fields.count {
    let index = (start + step) % fields.count
    if equal(bytes, key, fields[index].key) { return index }
  }
  return nil
}

private let memoryFields: [(key: StaticString, family: StaticString)] = [
  ("MemTotal", "node_memory_MemTotal_bytes"),
  ("MemFree", "node_memory_MemFree_bytes"),
  ("MemAvailable", "node_memory_MemAvailable_bytes"),
  ("Buffers", "node_memory_Buffers_bytes"),
  ("Cached", "node_memory_Cached_bytes"),
  ("SwapCached", "node_memory_SwapCached_bytes"),
  ("Active", "node_memory_Active_bytes"),
  ("Inactive", "node_memory_Inactive_bytes"),
  ("Active(anon)", "node_memory_Active_anon_bytes"),
  ("Inactive(anon)", "node_memory_Inactive_anon_bytes"),
  ("Active(file)", "node_memory_Active_file_bytes"),
  ("Inactive(file)", "node_memory_Inactive_file_bytes"),
  ("Unevictable", "node_memory_Unevictable_bytes"),
  ("Mlocked", "node_memory_Mlocked_bytes"),
  ("SwapTotal", "node_memory_SwapTotal_bytes"),
  ("SwapFree", "node_memory_SwapFree_bytes"),
  ("Zswap", "node_memory_Zswap_bytes"),
  ("Zswapped", "node_memory_Zswapped_bytes"),
  ("Dirty", "node_memory_Dirty_bytes"),
  ("Writeback", "node_memory_Writeback_bytes"),
  ("AnonPages", "node_memory_AnonPages_bytes"),
  ("Mapped", "node_memory_Mapped_bytes"),
  ("Shmem", "node_memory_Shmem_bytes"),
  ("Slab", "node_memory_Slab_bytes"),
  ("SReclaimable", "node_memory_SReclaimable_bytes"),
  ("SUnreclaim", "node_memory_SUnreclaim_bytes"),
  ("KernelStack", "node_memory_KernelStack_bytes"),
  ("PageTables", "node_memory_PageTables_bytes"),
  ("NFS_Unstable", "node_memory_NFS_Unstable_bytes"),
  ("Bounce", "node_memory_Bounce_bytes"),
  ("WritebackTmp", "node_memory_WritebackTmp_bytes"),
  ("CommitLimit", "node_memory_CommitLimit_bytes"),
  ("Committed_AS", "node_memory_Committed_AS_bytes"),
  ("VmallocTotal", "node_memory_VmallocTotal_bytes"),
  ("VmallocUsed", "node_memory_VmallocUsed_bytes"),
  ("VmallocChunk", "node_memory_VmallocChunk_bytes"),
  ("Percpu", "node_memory_Percpu_bytes"),
  ("HardwareCorrupted", "node_memory_HardwareCorrupted_bytes"),
  ("AnonHugePages", "node_memory_AnonHugePages_bytes"),
  ("ShmemHugePages", "node_memory_ShmemHugePages_bytes"),
  ("ShmemPmdMapped", "node_memory_ShmemPmdMapped_bytes"),
  ("CmaTotal", "node_memory_CmaTotal_bytes"),
  ("CmaFree", "node_memory_CmaFree_bytes"),
  ("HugePages_Total", "node_memory_HugePages_Total"),
  ("HugePages_Free", "node_memory_HugePages_Free"),
  ("HugePages_Rsvd", "node_memory_HugePages_Rsvd"),
  ("HugePages_Surp", "node_memory_HugePages_Surp"),
  ("Hugepagesize", "node_memory_Hugepagesize_bytes"),
  ("DirectMap4k", "node_memory_DirectMap4k_bytes"),
  ("DirectMap2M", "node_memory_DirectMap2M_bytes"),
  ("DirectMap1G", "node_memory_DirectMap1G_bytes"),
]
