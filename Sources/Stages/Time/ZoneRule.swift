// SPDX-License-Identifier: Apache-2.0

/// The rule a zone follows for all years to come, as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule: Sendable {
  /// A day of each year and a time on it.
  struct Change: Sendable {
    enum Day: Sendable {
      /// 1 to 365, where 29 February is never counted.
      case julian(Int)
      /// 0 to 365.
      case ordinal(Int)
      /// The `week`th `weekday` of a month; the fifth is the last.
      case weekday(month: Int, week: Int, weekday: Int)
    }
    var day: Day
    /// Seconds after midnight of that day.
    var time: Int
  }

  let standard: TimeZone.Offset
  let daylight: (offset: TimeZone.Offset, start: Change, end: Change)?

  var offsets: [TimeZone.Offset] { [standard] + (daylight.map { [$0.offset] } ?? []) }

  init?(_ text: ArraySlice<UInt8>) {
    var parser = ZoneRuleParser(rest: text)
    guard let name = parser.name(), let offset = parser.offset() else { return nil }
    standard = TimeZone.Offset(seconds: -offset, isDaylightSaving: false, abbreviation: name)
    guard !parser.rest.isEmpty else {
      daylight = nil
      return
    }
    guard let daylightName = parser.name() else { return nil }
    var seconds = -offset + 3600
    if parser.rest.first != UInt8(ascii: ",") {
      guard let written = parser.offset() else { return nil }
      seconds = -written
    }
    guard let start = parser.change(), let end = parser.change(), parser.rest.isEmpty else { return nil }
    let saving = TimeZone.Offset(seconds: seconds, isDaylightSaving: true, abbreviation: daylightName)
    daylight = (saving, start, end)
  }

  /// What holds at a moment, in seconds since 1970.
  func lookup(_ seconds: Int64) -> TimeZone.Span {
    guard let daylight else { return TimeZone.Span(offset: standard, range: Int64.min..<Int64.max) }
    // Moments of the two changes in the years around; the answer lies between two of them.
    let year = CivilTime(seconds: seconds, nanosecond: 0).year
    var changes: [(at: Int64, to: TimeZone.Offset)] = []
    for year in (year - 1)...(year + 1) {
      changes.append((Self.moment(of: daylight.start, in: year) - Int64(standard.seconds), daylight.offset))
      changes.append((Self.moment(of: daylight.end, in: year) - Int64(daylight.offset.seconds), standard))
    }
    changes.sort { $0.at < $1.at }
    guard let next = changes.firstIndex(where: { $0.at > seconds }), next > 0 else {
      return TimeZone.Span(offset: standard, range: seconds..<(seconds + 1))
    }
    return TimeZone.Span(offset: changes[next - 1].to, range: changes[next - 1].at..<changes[next].at)
  }

  /// In seconds since 1970, by the clock of the place.
  private static func moment(of change: Change, in year: Int) -> Int64 {
    let first = daysSince1970(year, 1, 1)
    let day =
      switch change.day {
      case .julian(let day): first + day - 1 + (CivilTime.isLeap(year) && day >= 60 ? 1 : 0)
      case .ordinal(let day): first + day
      case .weekday(let month, let week, let weekday): Self.day(year, month, week, weekday)
      }
    return Int64(day) * 86_400 + Int64(change.time)
  }

  private static func day(_ year: Int, _ month: Int, _ week: Int, _ weekday: Int) -> Int {
    var first = CivilTime()
    (first.year, first.month) = (year, month)
    var day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
    if day > Stages.daysIn(month, of: year) { day -= 7 }
    return daysSince1970(year, month, day)
  }
}

private struct ZoneRuleParser {
  var rest: ArraySlice<UInt8>

  /// `CET`, or `<+03>`.
  mutating func name() -> [UInt8]? {
    if take("<") {
      let name = rest.prefix { $0 != UInt8(ascii: ">") }
      rest = rest.dropFirst(name.count)
      return take(">") && !name.isEmpty ? Array(name) : nil
    }
    let name = rest.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0 & 0xdf) }
    rest = rest.dropFirst(name.count)
    return name.count >= 3 ? Array(name) : nil
  }

  /// `-1`, `+5:30`, in seconds.
  mutating func offset() -> Int? {
    let isNegative = take("-")
    if !isNegative { _ = take("+") }
    guard var seconds = number(upTo: 167).map({ $0 * 3600 }) else { return nil }
    if take(":") {
      guard let minutes = number(upTo: 59) else { return nil }
      seconds += minutes * 60
      if take(":") {
        guard let rest = number(upTo: 59) else { return nil }
        seconds += rest
      }
    }
    return isNegative ? -seconds : seconds
  }

  /// `,M3.5.0/2`.
  mutating func change() -> ZoneRule.Change? {
    guard take(","), let day = day() else { return nil }
    guard take("/") else { return ZoneRule.Change(day: day, time: 7200) }
    return offset().map { ZoneRule.Change(day: day, time: $0) }
  }

  private mutating func day() -> ZoneRule.Change.Day? {
    if take("J") { return number(upTo: 365).flatMap { $0 > 0 ? .julian($0) : nil } }
    guard take("M") else { return number(upTo: 365).map { .ordinal($0) } }
    guard let month = number(upTo: 12), month > 0, take("."), let week = number(upTo: 5), week > 0, take("."),
      let weekday = number(upTo: 6)
    else { return nil }
    return .weekday(month: month, week: week, weekday: weekday)
  }

  private mutating func number(upTo limit: Int) -> Int? {
    let digits = rest.prefix { $0 &- 0x30 < 10 }
    guard !digits.isEmpty, digits.count <= 3 else { return nil }
    rest = rest.dropFirst(digits.count)
    let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    return value <= limit ? value : nil
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }
}
