// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_os_*`: the distribution and its version, from os-release.
public struct OSCollector: Collector {
  /// `os`.
  public static let name = "os"

  private let paths: [String]
  private var stamp: FileStamp?  // of the file `release` came from
  private var release: OSRelease?

  init(host: Host) {
    let root = host.rootfs == "/" ? "" : host.rootfs
    paths = ["\(root)/etc/os-release", "\(root)/usr/lib/os-release"]
  }

  /// Appends what os-release says; the file is read again only when it has changed.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    guard let (path, current) = firstPresent() else { throw CollectorError.noData("os-release") }
    try read(path, current)
    release?.append(to: &batch)
  }

  private func firstPresent() -> (String, FileStamp)? {
    for path in paths {
      if let stamp = FileStamp(path) { return (path, stamp) }
    }
    return nil
  }

  private mutating func read(_ path: String, _ current: FileStamp) throws {
    guard current != stamp else { return }
    stamp = nil
    guard let parsed = OSRelease(try readFile(path, limit: 1 << 20)) else {
      throw CollectorError.unexpectedContent(path)
    }
    release = parsed
    stamp = current
  }
}

/// What os-release says.
struct OSRelease {
  private let values: [String: String]
  private let version: Double
  private let supportEnd: Double?

  /// Reads lines `KEY=value`, values quoted as in a shell; nil when one is of another form.
  init?(_ bytes: [UInt8]) {
    var values: [String: String] = [:]
    for line in bytes.split(separator: 0x0a) {
      let line = line.drop { $0 == 0x20 || $0 == 0x09 }
      if line.isEmpty || line.first == 0x23 { continue }
      guard let equals = line.firstIndex(of: 0x3d), equals > line.startIndex,
        let value = unquoted(line[(equals + 1)...])
      else { return nil }
      values[String(decoding: line[..<equals], as: UTF8.self)] = value
    }
    self.values = values
    version = leadingNumber(values["VERSION_ID"] ?? "")
    supportEnd = values["SUPPORT_END"].flatMap { secondsSince1970(date: $0) }
  }

  func append(to batch: inout SeriesBatch) {
    batch.family("node_os_info", .gauge, help: "Always 1; the labels are what os-release says.")
    for (label, key) in osLabels { batch.label(label, values[key] ?? "") }
    batch.append(1)
    if version != 0 {
      batch.family("node_os_version", .gauge, help: "The distribution's version as far as it is a number.")
      batch.label("id", values["ID"] ?? "")
      batch.label("id_like", values["ID_LIKE"] ?? "")
      batch.label("name", values["NAME"] ?? "")
      batch.append(version)
    }
    if let supportEnd {
      batch.family(
        "node_os_support_end_timestamp_seconds", .gauge,
        help: "When the distribution stops supporting this version, in seconds since 1970.")
      batch.append(supportEnd)
    }
  }
}

private let osLabels: [(StaticString, String)] = [
  ("build_id", "BUILD_ID"), ("id", "ID"), ("id_like", "ID_LIKE"), ("image_id", "IMAGE_ID"),
  ("image_version", "IMAGE_VERSION"), ("name", "NAME"), ("pretty_name", "PRETTY_NAME"), ("variant", "VARIANT"),
  ("variant_id", "VARIANT_ID"), ("version", "VERSION"), ("version_codename", "VERSION_CODENAME"),
  ("version_id", "VERSION_ID"),
]

/// The value of a shell word; nil when a quote is not closed or something follows it.
private func unquoted(_ word: ArraySlice<UInt8>) -> String? {
  var value: [UInt8] = []
  var quote: UInt8?
  var escaped = false
  for (offset, byte) in word.enumerated() {
    if escaped {
      // Between double quotes a backslash stays, unless it stands before something that means something there.
      if quote != nil, ![0x22, 0x5c, 0x24, 0x60].contains(byte) { value.append(0x5c) }
      value.append(byte)
      escaped = false
    } else if byte == 0x5c, quote != 0x27 {
      escaped = true
    } else if byte == quote {
      quote = nil
    } else if quote == nil, byte == 0x22 || byte == 0x27 {
      quote = byte
    } else if quote == nil, byte == 0x20 || byte == 0x09 || byte == 0x0d {
      let rest = word.dropFirst(offset).drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
      return rest.isEmpty || rest.first == 0x23 ? String(decoding: value, as: UTF8.self) : nil
    } else {
      value.append(byte)
    }
  }
  return quote == nil && !escaped ? String(decoding: value, as: UTF8.self) : nil
}

/// The number `text` begins with: 12.5 of `12.5.1-rc`; 0 where it begins with none.
func leadingNumber(_ text: String) -> Double {
  let whole = text.utf8.prefix { $0 &- 0x30 < 10 }
  guard !whole.isEmpty else { return 0 }
  let rest = text.utf8.dropFirst(whole.count)
  let fraction = rest.first == 0x2e ? rest.dropFirst().prefix { $0 &- 0x30 < 10 } : rest.prefix(0)
  let number = Array(whole) + (fraction.isEmpty ? [] : [0x2e] + Array(fraction))
  return parseDecimal(number.span, 0..<number.count) ?? 0
}

/// The first second of a day written `YYYY-MM-DD`, in UTC.
func secondsSince1970(date: String) -> Double? {
  let parts = date.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
  guard date.utf8.count == 10, parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2],
    (1...12).contains(month), (1...31).contains(day), year >= 0
  else { return nil }
  // Counted in years that begin in March, so that the day that is sometimes there comes last.
  let shifted = month > 2 ? year : year - 1
  let monthFromMarch = (month + 9) % 12
  let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
  return Double(days - 719_468) * 86400
}
