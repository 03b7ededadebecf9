// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How the timestamps of `stage.timestamp` are written: a named format, a Unix time, or a Go layout.
public struct TimestampFormat: Sendable {
  private enum Form: Sendable {
    /// Digits after which the second ends: 0 for seconds, with a fraction perhaps; 3, 6 or 9 for its parts.
    case unix(digits: Int)
    case layout(TimeLayout)
    /// A layout too, and the most frequent.
    case rfc3339(TimeLayout)
    /// A layout without a year, for times close to now.
    case yearless(TimeLayout)
  }

  private let form: Form
  private let zone: TimeZone

  /// - Parameter location: where times are meant that do not say it themselves; UTC if nil, abbreviations being those of
  ///   the machine's zone.
  public init(_ format: String, location: TimeZone? = nil) {
    form = Self.form(format)
    isLocated = location != nil
    zone = location ?? .local
  }

  private let isLocated: Bool

  private static func form(_ format: String) -> Form {
    switch format {
    case "Unix": return .unix(digits: 0)
    case "UnixMs": return .unix(digits: 3)
    case "UnixUs": return .unix(digits: 6)
    case "UnixNs": return .unix(digits: 9)
    default:
      let layout = named[format] ?? format
      if layout == named["RFC3339"] || layout == named["RFC3339Nano"] { return .rfc3339(TimeLayout(layout)) }
      if format != layout { return .layout(TimeLayout(layout)) }
      // As Alloy tells it, even where these digits mean something else.
      return format.contains("06") ? .layout(TimeLayout(format)) : .yearless(TimeLayout(format))
    }
  }

  /// Formats with a name.
  public static let named = [
    "ANSIC": "Mon Jan _2 15:04:05 2006", "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006", "RFC822": "02 Jan 06 15:04 MST", "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST", "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700", "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
  ]

  /// Whether there is nothing in it that could be a time, such as in `yyyy-MM-dd`.
  public var isConstant: Bool {
    switch form {
    case .unix: false
    case .layout(let layout), .rfc3339(let layout), .yearless(let layout): !layout.hasTime
    }
  }

  /// The time `text` tells, in nanoseconds since 1970; nil when it does not fit, or lies outside the years 1678 to 2261.
  ///
  /// `now` (the same unit) gives the year where none is written.
  public func parse(_ text: Span<UInt8>, now: Int64) -> Int64? {
    switch form {
    case .unix(let digits): return parseUnix(text, digits)
    case .rfc3339(let layout):
      if let time = parseRFC3339(text) { return time }
      return layout.parse(text).flatMap { moment($0, text) }
    case .layout(let layout):
      guard let time = layout.parse(text) else { return nil }
      return moment(time, text)
    case .yearless(let layout):
      guard var time = layout.parse(text), time.civil.year == 0 else { return nil }
      time.civil.year = year(of: time.civil.month, now: now)
      return moment(time, text)
    }
  }

  private func moment(_ time: WrittenTime, _ text: Span<UInt8>) -> Int64? {
    let seconds: Int64
    if case .unknown = time.zone, !isLocated {
      seconds = time.civil.seconds
    } else {
      seconds = time.seconds(in: zone, text: text)
    }
    return nanoseconds(seconds: seconds, nanosecond: time.civil.nanosecond)
  }

  /// The year closest to now: in January, December was last year.
  private func year(of month: Int, now: Int64) -> Int {
    let seconds = now / 1_000_000_000
    let local = CivilTime(seconds: seconds + Int64(zone.lookup(seconds).offset.seconds), nanosecond: 0)
    if month == 12, local.month == 1 { return local.year - 1 }
    if month == 1, local.month == 12 { return local.year + 1 }
    return local.year
  }
}

/// `1700000000`, and for seconds `1700000000.123`.
private func parseUnix(_ text: Span<UInt8>, _ digits: Int) -> Int64? {
  guard digits == 0 else {
    let scale: Int64 = digits == 3 ? 1_000_000 : digits == 6 ? 1000 : 1
    guard let value = parseSigned(text, 0..<text.count) else { return nil }
    let (result, overflow) = value.multipliedReportingOverflow(by: scale)
    return overflow ? nil : result
  }
  let point = firstIndex(of: UInt8(ascii: "."), in: text, 0..<text.count)
  guard let seconds = parseSigned(text, 0..<(point ?? text.count)) else { return nil }
  guard let point else { return nanoseconds(seconds: seconds, nanosecond: 0) }
  let fraction = (point + 1)..<text.count
  guard fraction.count <= 18, parseUnsigned(text, fraction) != nil else { return nil }
  var nanosecond = 0
  for place in 0..<9 {
    nanosecond = nanosecond * 10 + (place < fraction.count ? Int(text[fraction.lowerBound + place] - 0x30) : 0)
  }
  return nanoseconds(seconds: seconds, nanosecond: nanosecond)
}

private func parseSigned(_ text: Span<UInt8>, _ range: Range<Int>) -> Int64? {
  guard let first = range.first else { return nil }
  let isSigned = text[first] == UInt8(ascii: "-") || text[first] == UInt8(ascii: "+")
  let size = parseUnsigned(text, isSigned ? (first + 1)..<range.upperBound : range)
  guard let value = size.flatMap({ Int64(exactly: $0) }) else { return nil }
  return isSigned && text[first] == UInt8(ascii: "-") ? -value : value
}
