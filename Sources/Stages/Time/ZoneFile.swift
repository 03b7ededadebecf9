// SPDX-License-Identifier: Apache-2.0

/// The zone in a TZif file (RFC 8536); nil for anything that is not one.
///
/// ```
/// header   "TZif" version 15 bytes | counts of: UT flags, standard flags, leap seconds, transitions, offsets, text
/// block    transitions' times | their offsets' numbers | offsets | text | leap seconds | flags
/// ```
/// From version 2 on there are a header and a block with times of 4 bytes, then the same with 8, then a rule between
/// two newlines.
func parseZoneFile(_ bytes: [UInt8]) -> TimeZone? {
  var file = ZoneFile(bytes: bytes)
  guard let header = file.header() else { return nil }
  guard header.version >= UInt8(ascii: "2") else { return file.block(header, timeSize: 4, rule: nil) }
  guard file.skip(header.size(timeSize: 4)), let second = file.header() else { return nil }
  let start = file.offset
  guard file.skip(second.size(timeSize: 8)) else { return nil }
  let rule = file.footer()
  file.offset = start
  return file.block(second, timeSize: 8, rule: rule)
}

private struct ZoneHeader {
  var version: UInt8
  var utFlags, standardFlags, leaps, transitions, offsets, text: Int

  func size(timeSize: Int) -> Int {
    transitions * (timeSize + 1) + offsets * 6 + text + leaps * (timeSize + 4) + standardFlags + utFlags
  }
}

private struct ZoneFile {
  let bytes: [UInt8]
  var offset = 0

  mutating func header() -> ZoneHeader? {
    guard bytes.count - offset >= 44, bytes[offset...].starts(with: "TZif".utf8) else { return nil }
    let version = bytes[offset + 4]
    offset += 20
    let counts = (0..<6).map { _ in Int(number(4)) }
    // The file is no longer than 256 KiB, so no honest count is.
    guard counts.allSatisfy({ $0 <= bytes.count }) else { return nil }
    return ZoneHeader(
      version: version, utFlags: counts[0], standardFlags: counts[1], leaps: counts[2], transitions: counts[3],
      offsets: counts[4], text: counts[5])
  }

  mutating func skip(_ count: Int) -> Bool {
    guard count <= bytes.count - offset else { return false }
    offset += count
    return true
  }

  mutating func block(_ header: ZoneHeader, timeSize: Int, rule: ZoneRule?) -> TimeZone? {
    guard header.size(timeSize: timeSize) <= bytes.count - offset, header.offsets > 0 else { return nil }
    let times = (0..<header.transitions).map { _ in
      timeSize == 4 ? Int64(Int32(truncatingIfNeeded: number(4))) : number(8)
    }
    let numbers = (0..<header.transitions).map { _ in Int(number(1)) }
    let written = (0..<header.offsets).map { _ in
      (seconds: Int(Int32(truncatingIfNeeded: number(4))), isSaving: number(1) != 0, name: Int(number(1)))
    }
    let text = bytes[offset..<(offset + header.text)]
    let offsets = written.map { row in
      TimeZone.Offset(
        seconds: row.seconds, isDaylightSaving: row.isSaving,
        abbreviation: Array(text.dropFirst(row.name).prefix { $0 != 0 }))
    }
    guard numbers.allSatisfy({ $0 < offsets.count }), offsets.allSatisfy({ $0.seconds.magnitude <= 604_800 }),
      zip(times, times.dropFirst()).allSatisfy({ $0 < $1 })
    else { return nil }
    return TimeZone(offsets: offsets, transitions: Array(zip(times, numbers)).map { (at: $0, offset: $1) }, rule: rule)
  }

  mutating func footer() -> ZoneRule? {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\n") else { return nil }
    return ZoneRule(bytes[(offset + 1)...].prefix { $0 != UInt8(ascii: "\n") })
  }

  /// A big-endian number; the caller knows that it is there.
  private mutating func number(_ size: Int) -> Int64 {
    var value: UInt64 = 0
    for byte in bytes[offset..<(offset + size)] { value = value << 8 | UInt64(byte) }
    offset += size
    return Int64(bitPattern: value)
  }
}
