// SPDX-License-Identifier: Apache-2.0

import RE2
import Telemetry
import Testing

@testable import NodeMetrics

@Suite struct DiskStatsCollectorTests {
  private let line = "8 0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000"

  private func collector(_ fake: FakeHost) -> DiskStatsCollector {
    DiskStatsCollector(options: NodeOptions.Disk(), host: fake.host)
  }

  @Test func `a line has 11, 15 or 17 counters, and there is no series for those it has not`() throws {
    let fake = try FakeHost([
      "proc/diskstats": """
         8       0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000
         8      16 sdb 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15000
       253       0 dm-0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17000 18 19
         8      32 sdc 1 2 3 4
      """
    ])
    var collector = collector(fake)
    let got = try fake.collect(&collector)
    #expect(got.count == 46)
    let expected: [(String, Double)] = [
      ("reads_completed_total", 1), ("reads_merged_total", 2), ("read_bytes_total", 1536),
      ("read_time_seconds_total", 4), ("writes_completed_total", 5), ("writes_merged_total", 6),
      ("written_bytes_total", 3584), ("write_time_seconds_total", 8), ("io_now", 9), ("io_time_seconds_total", 10),
      ("io_time_weighted_seconds_total", 11),
    ]
    for (name, value) in expected { #expect(got["node_disk_\(name){device=\"sda\"}"] == value, "\(name)") }
    #expect(got["node_disk_discards_completed_total{device=\"sda\"}"] == nil)
    #expect(got["node_disk_discarded_sectors_total{device=\"sdb\"}"] == 14)
    #expect(got["node_disk_discard_time_seconds_total{device=\"sdb\"}"] == 15)
    #expect(got["node_disk_flush_requests_total{device=\"sdb\"}"] == nil)
    #expect(got["node_disk_flush_requests_total{device=\"dm-0\"}"] == 16)
    #expect(got["node_disk_flush_requests_time_seconds_total{device=\"dm-0\"}"] == 17)
    #expect(got[#"node_disk_info{device="dm-0",major="253",minor="0",rotational="0"}"#] == 1)
  }

  @Test func `partitions and RAM disks are left out by default`() throws {
    let names = [
      "sda", "sda1", "vdb2", "xvdc", "xvdc15", "nvme0n1", "nvme0n1p1", "ram0", "loop3", "zram0", "dm-1", "sr0",
      "mmcblk0p1",
    ]
    let lines = names.enumerated().map { "259 \($0) \($1) 1 2 3 4 5 6 7 8 9 10 11\n" }
    let fake = try FakeHost(["proc/diskstats": lines.joined()])
    var collector = collector(fake)
    let got = try fake.collect(&collector).keys.filter { $0.hasPrefix("node_disk_io_now") }
    let kept = ["sda", "xvdc", "nvme0n1", "zram0", "dm-1", "sr0", "mmcblk0p1"]
    #expect(Set(got) == Set(kept.map { "node_disk_io_now{device=\"\($0)\"}" }))
    var options = NodeOptions.Disk()
    options.deviceInclude = try Pattern("^sda")
    var including = DiskStatsCollector(options: options, host: fake.host)
    #expect(try fake.collect(&including).keys.count { $0.hasPrefix("node_disk_io_now") } == 2)
  }

  @Test func `what udev knows is told, and read again when it changes`() throws {
    let fake = try FakeHost([
      "proc/diskstats": line, "sys/block/sda/queue/rotational": "1\n",
      "udev/b8:0": """
      S:disk/by-id/x
      E:ID_PATH=pci-0000:00
      E:ID_WWN=0x5000
      E:ID_MODEL=Example_SSD
      E:ID_REVISION=1.0
      E:ID_SERIAL=whole
      E:ID_SERIAL_SHORT=short
      E:ID_FS_TYPE=ext4
      E:ID_FS_USAGE=filesystem
      E:ID_FS_UUID=abc=def
      E:ID_FS_VERSION=1.0
      E:DM_NAME=vg-lv
      E:DM_UUID=LVM-x
      E:DM_VG_NAME=vg
      E:DM_LV_NAME=lv
      E:ID_ATA=1
      E:ID_ATA_WRITE_CACHE=1
      E:ID_ATA_ROTATION_RATE_RPM=7200
      E:=
      E:broken
      """,
    ])
    var collector = collector(fake)
    let got = try fake.collect(&collector)
    let series = [
      #"node_disk_info{device="sda",major="8",minor="0",model="Example_SSD",path="pci-0000:00",revision="1.0",rotational="1",serial="short",wwn="0x5000"}"#:
        1.0,
      #"node_disk_filesystem_info{device="sda",type="ext4",usage="filesystem",uuid="abc=def",version="1.0"}"#: 1,
      #"node_disk_device_mapper_info{device="sda",lv_name="lv",name="vg-lv",uuid="LVM-x",vg_name="vg"}"#: 1,
      #"node_disk_ata_write_cache{device="sda"}"#: 1, #"node_disk_ata_rotation_rate_rpm{device="sda"}"#: 7200,
    ]
    for (name, value) in series { #expect(got[name] == value, "\(name)") }
    #expect(got.count == 16)

    try fake.write("udev/b8:0", "E:SCSI_IDENT_SERIAL=scsi\nE:ID_SERIAL=whole\n")
    let later = try fake.collect(&collector)
    #expect(later[#"node_disk_info{device="sda",major="8",minor="0",rotational="1",serial="scsi"}"#] == 1)
    #expect(later.count == 11 + 1)
    try fake.remove("udev/b8:0")
    #expect(try fake.collect(&collector)[#"node_disk_info{device="sda",major="8",minor="0",rotational="1"}"#] == 1)
  }

  @Test func `disks come and go, and names are used again for other disks`() throws {
    let counters = "1 2 3 4 5 6 7 8 9 10 11"
    let fake = try FakeHost([
      "proc/diskstats": "8 0 sda \(counters)\n8 16 sdb \(counters)\n", "udev/b8:0": "E:ID_MODEL=one\n",
      "udev/b8:32": "E:ID_MODEL=three\n",
    ])
    var collector = collector(fake)
    #expect(try fake.collect(&collector).count == 2 * 12)
    try fake.write("proc/diskstats", "8 16 sdb \(counters)\n8 32 sda \(counters)\n")
    let got = try fake.collect(&collector)
    #expect(got.count == 2 * 12)
    #expect(got[#"node_disk_info{device="sda",major="8",minor="32",model="three",rotational="0"}"#] == 1)
    try fake.write("proc/diskstats", "")
    #expect(try fake.collect(&collector) == [:])
  }

  @Test func `a broken line costs its disk alone, and success`() throws {
    let fake = try FakeHost(["proc/diskstats": "8 16 sdb 1 2 x 4\n8 0\n\(line)\n"])
    var collector = collector(fake)
    var batch = SeriesBatch()
    #expect(throws: CollectorError.unexpectedContent("diskstats")) {
      try collector.collect(into: &batch, from: fake.host)
    }
    #expect(batch.count == 12)
  }
}
