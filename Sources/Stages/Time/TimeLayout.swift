// SPDX-License-Identifier: Apache-2.0

/// A Go layout, which shows how the reference time `Mon Jan 2 15:04:05 MST 2006` would be written, compiled once.
public struct TimeLayout: Sendable {
  enum Zone: Sendable {
    /// `-0700`, `-07:00`, `-07`, and those with seconds.
    case hourMinute, hourColonMinute, hour, hourMinuteSecond, colons
  }

  enum Part: Sendable {
    case literal([UInt8])
    case longMonth, month, numericMonth, zeroMonth
    case longWeekday, weekday
    case day, underDay, zeroDay, underYearDay, zeroYearDay
    case hour, hour12, zeroHour12, minute, zeroMinute, second, zeroSecond
    case longYear, year
    case upperHalf, lowerHalf
    case zoneName
    /// With `orZ`, UTC is `Z`.
    case offset(Zone, orZ: Bool)
    /// `.000`: exactly so many digits; with `trimmed`, `.999`: as many as there are.
    case fraction(digits: Int, trimmed: Bool, separator: UInt8)
  }

  let parts: [Part]

  /// Compiles `layout`; whatever is no part of the reference time stands for itself.
  public init(_ layout: String) {
    var reader = TimeLayoutReader(Array(layout.utf8))
    parts = reader.read()
  }

  /// Whether it says where on Earth a time is meant: by offset or abbreviation.
  var hasZone: Bool {
    parts.contains {
      switch $0 {
      case .zoneName, .offset: true
      default: false
      }
    }
  }

  /// Whether it has a date or a time at all.
  var hasTime: Bool {
    parts.contains {
      if case .literal = $0 { return false }
      return true
    }
  }
}

private struct TimeLayoutReader {
  let layout: [UInt8]
  var offset = 0
  var literal: [UInt8] = []
  var parts: [TimeLayout.Part] = []

  init(_ layout: [UInt8]) { self.layout = layout }

  mutating func read() -> [TimeLayout.Part] {
    while offset < layout.count {
      if let part = takePart() {
        flush()
        parts.append(part)
      } else {
        literal.append(layout[offset])
        offset += 1
      }
    }
    flush()
    return parts
  }

  private mutating func flush() {
    if !literal.isEmpty { parts.append(.literal(literal)) }
    literal = []
  }

  private mutating func takePart() -> TimeLayout.Part? {
    switch layout[offset] {
    case UInt8(ascii: "."), UInt8(ascii: ","): return takeFraction()
    // `_2006` is an underscore and a year.
    case UInt8(ascii: "_") where begins("_2006"): return nil
    case UInt8(ascii: "J") where !begins("January") && isLower(at: offset + 3): return nil
    case UInt8(ascii: "M") where begins("Mon") && !begins("Monday") && isLower(at: offset + 3): return nil
    default:
      for (text, part) in Self.table where begins(text) {
        offset += text.utf8CodeUnitCount
        return part
      }
      return nil
    }
  }

  /// What begins like something longer comes after it.
  private static let table: [(StaticString, TimeLayout.Part)] = [
    ("January", .longMonth), ("Jan", .month), ("Monday", .longWeekday), ("Mon", .weekday), ("MST", .zoneName),
    ("01", .zeroMonth), ("02", .zeroDay), ("03", .zeroHour12), ("04", .zeroMinute), ("05", .zeroSecond), ("06", .year),
    ("002", .zeroYearDay), ("15", .hour), ("1", .numericMonth), ("2006", .longYear), ("2", .day), ("_2", .underDay),
    ("__2", .underYearDay), ("3", .hour12), ("4", .minute), ("5", .second), ("PM", .upperHalf), ("pm", .lowerHalf),
    ("-070000", .offset(.hourMinuteSecond, orZ: false)), ("-07:00:00", .offset(.colons, orZ: false)),
    ("-0700", .offset(.hourMinute, orZ: false)), ("-07:00", .offset(.hourColonMinute, orZ: false)),
    ("-07", .offset(.hour, orZ: false)), ("Z070000", .offset(.hourMinuteSecond, orZ: true)),
    ("Z07:00:00", .offset(.colons, orZ: true)), ("Z0700", .offset(.hourMinute, orZ: true)),
    ("Z07:00", .offset(.hourColonMinute, orZ: true)), ("Z07", .offset(.hour, orZ: true)),
  ]

  /// A separator and a run of 0 or of 9, with no other digit after it.
  private mutating func takeFraction() -> TimeLayout.Part? {
    guard offset + 1 < layout.count, layout[offset + 1] == 0x30 || layout[offset + 1] == 0x39 else { return nil }
    let digit = layout[offset + 1]
    var end = offset + 1
    while end < layout.count, layout[end] == digit { end += 1 }
    if end < layout.count, layout[end] &- 0x30 < 10 { return nil }
    let part = TimeLayout.Part.fraction(
      digits: end - offset - 1, trimmed: digit == 0x39, separator: layout[offset])
    offset = end
    return part
  }

  private func begins(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { unsafe layout[offset...].starts(with: $0) }
  }

  private func isLower(at index: Int) -> Bool {
    index < layout.count && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(layout[index])
  }
}

let monthNames: [StaticString] = [
  "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
  "December",
]
let weekdayNames: [StaticString] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
