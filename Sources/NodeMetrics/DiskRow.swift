// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// The number the kernel has for a device.
struct DeviceNumber: Equatable {
  var major: UInt64
  var minor: UInt64
}

/// A disk of `/proc/diskstats`: its counters, and what udev and sysfs say of it.
struct DiskRow {
  private let name: [UInt8]
  private let number: DeviceNumber
  let label: String
  private let majorLabel: String
  private let minorLabel: String
  let rotationalFile: String

  var columns = InlineArray<17, UInt64>(repeating: 0)
  var columnCount = 0
  var present = true

  private var rotational = false
  private var properties: [String: String] = [:]
  private var stamp: FileStamp?  // of the file `properties` came from

  init(name: Span<UInt8>, number: DeviceNumber) {
    self.name = unsafe name.withUnsafeBufferPointer { unsafe Array($0) }
    self.number = number
    label = String(decoding: self.name, as: UTF8.self)
    majorLabel = "\(number.major)"
    minorLabel = "\(number.minor)"
    // A device called `cciss/c0d0` is `cciss!c0d0` in sysfs.
    let folder = String(decoding: self.name.map { $0 == 0x2f ? 0x21 : $0 }, as: UTF8.self)
    rotationalFile = "block/\(folder)/queue/rotational"
  }

  func isCalled(_ name: Span<UInt8>, _ number: DeviceNumber) -> Bool {
    self.number == number && equal(self.name.span, name)
  }

  /// Reads udev's file of this device again when it has changed.
  mutating func refreshProperties(from host: Host) {
    let path = "\(host.udevData)/b\(number.major):\(number.minor)"
    let current = FileStamp(path)
    guard current != stamp || current == nil else { return }
    stamp = current
    properties = (try? readFile(path, limit: 1 << 20)).map { parseUdevProperties($0.span) } ?? [:]
  }

  mutating func refreshRotational(from host: Host) { rotational = host.sysNumber(rotationalFile) == 1 }

  func appendInfo(to batch: inout SeriesBatch) {
    batch.label("device", label)
    batch.label("major", majorLabel)
    batch.label("minor", minorLabel)
    batch.label("model", property("ID_MODEL"))
    batch.label("path", property("ID_PATH"))
    batch.label("revision", property("ID_REVISION"))
    batch.label("rotational", rotational ? "1" : "0" as StaticString)
    batch.label("serial", serial)
    batch.label("wwn", property("ID_WWN"))
    batch.append(1)
  }

  func appendFilesystem(to batch: inout SeriesBatch) {
    guard !property("ID_FS_TYPE").isEmpty else { return }
    batch.label("device", label)
    batch.label("type", property("ID_FS_TYPE"))
    batch.label("usage", property("ID_FS_USAGE"))
    batch.label("uuid", property("ID_FS_UUID"))
    batch.label("version", property("ID_FS_VERSION"))
    batch.append(1)
  }

  func appendDeviceMapper(to batch: inout SeriesBatch) {
    guard !property("DM_NAME").isEmpty else { return }
    batch.label("device", label)
    batch.label("lv_layer", property("DM_LV_LAYER"))
    batch.label("lv_name", property("DM_LV_NAME"))
    batch.label("name", property("DM_NAME"))
    batch.label("uuid", property("DM_UUID"))
    batch.label("vg_name", property("DM_VG_NAME"))
    batch.append(1)
  }

  /// Appends a property of ATA disks, for disks that are such and have it.
  func appendNumber(_ key: String, to batch: inout SeriesBatch) {
    guard !property("ID_ATA").isEmpty, let number = properties[key].flatMap({ Double($0) }) else { return }
    batch.append("device", label, value: number)
  }

  private func property(_ key: String) -> String { properties[key] ?? "" }

  private var serial: String {
    for key in ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"] {
      if let serial = properties[key], !serial.isEmpty { return serial }
    }
    return ""
  }
}

/// The properties in a file of udev's database: its lines `E:KEY=VALUE`.
func parseUdevProperties(_ bytes: Span<UInt8>) -> [String: String] {
  var properties: [String: String] = [:]
  var offset = 0
  while let line = nextLine(bytes, at: &offset) {
    guard hasPrefix(bytes, line, "E:"), let equals = firstIndex(of: 0x3d, in: bytes, line) else { continue }
    let key = text(bytes, line.lowerBound + 2..<max(equals, line.lowerBound + 2))
    properties[key] = text(bytes, equals + 1..<line.upperBound)
  }
  return properties
}

/// The bytes of `range` as a String; what is not UTF-8 is replaced by U+FFFD.
func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
  unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
}
