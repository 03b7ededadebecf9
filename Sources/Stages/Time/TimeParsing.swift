// SPDX-License-Identifier: Apache-2.0

/// A time as it was written: what a clock showed, and whose.
struct WrittenTime {
  enum Zone {
    case unknown
    /// Seconds east of UTC.
    case offset(Int)
    /// Where the abbreviation stands in the text.
    case named(Range<Int>)
  }

  var civil = CivilTime()
  var zone = Zone.unknown

  /// Seconds since 1970, were `zone` to be asked when the text does not say where it was.
  func seconds(in zone: TimeZone, text: Span<UInt8>) -> Int64 {
    switch self.zone {
    case .unknown: return zone.seconds(of: civil)
    case .offset(let offset): return civil.seconds - Int64(offset)
    case .named(let range):
      let name = range.map { text[$0] }
      if let offset = zone.offset(named: name, shown: civil.seconds) { return civil.seconds - Int64(offset) }
      // Only `GMT+3` says more than its name; the others count as UTC, as in Go.
      let hours = name.starts(with: "GMT".utf8) ? signedNumber(name.dropFirst(3)) : nil
      return civil.seconds - Int64(hours ?? 0) * 3600
    }
  }
}

extension TimeLayout {
  /// Reads `text` as Go's `time.Parse` does; nil for what does not fit, and for dates that do not exist.
  func parse(_ text: Span<UInt8>) -> WrittenTime? {
    var reader = WrittenTimeReader()
    for index in parts.indices {
      guard reader.read(parts[index], text) else { return nil }
      switch parts[index] {
      case .second, .zeroSecond:
        // A fraction may follow even if the layout does not have one.
        if index + 1 < parts.count, case .fraction = parts[index + 1] { continue }
        reader.takeAnyFraction(text)
      default: break
      }
    }
    return reader.offset == text.count ? reader.finish() : nil
  }
}

private struct WrittenTimeReader {
  var offset = 0
  private var time = WrittenTime()
  private var month: Int?
  private var day: Int?
  private var yearDay: Int?
  private var isAfternoon: Bool?

  mutating func read(_ part: TimeLayout.Part, _ text: Span<UInt8>) -> Bool {
    switch part {
    case .literal(let bytes): skip(bytes, text)
    case .longMonth: readMonth(text, isLong: true)
    case .month: readMonth(text, isLong: false)
    case .numericMonth: assign(&month, number(text), in: 1...12)
    case .zeroMonth: assign(&month, twoDigits(text), in: 1...12)
    case .longWeekday: name(weekdayNames, text, isLong: true) != nil
    case .weekday: name(weekdayNames, text, isLong: false) != nil
    case .day: assign(&day, number(text), in: 0...99)
    case .zeroDay: assign(&day, twoDigits(text), in: 0...99)
    case .underDay:
      assign(&day, spaced(1, text) { $0.number(text) }, in: 0...99)
    case .underYearDay: assign(&yearDay, spaced(2, text) { $0.digits(1...3, text) }, in: 0...999)
    case .zeroYearDay: assign(&yearDay, digits(3...3, text), in: 0...999)
    case .hour: assign(&time.civil.hour, number(text), in: 0...23)
    case .hour12: assign(&time.civil.hour, number(text), in: 0...12)
    case .zeroHour12: assign(&time.civil.hour, twoDigits(text), in: 0...12)
    case .minute: assign(&time.civil.minute, number(text), in: 0...59)
    case .zeroMinute: assign(&time.civil.minute, twoDigits(text), in: 0...59)
    case .second: assign(&time.civil.second, number(text), in: 0...59)
    case .zeroSecond: assign(&time.civil.second, twoDigits(text), in: 0...59)
    case .longYear: assign(&time.civil.year, digits(4...4, text), in: 0...9999)
    case .year: assign(&time.civil.year, twoDigits(text).map { $0 >= 69 ? $0 + 1900 : $0 + 2000 }, in: 0...9999)
    case .upperHalf: readHalf("AM", "PM", text)
    case .lowerHalf: readHalf("am", "pm", text)
    case .zoneName: readZoneName(text)
    case .offset(let zone, let orZ): readOffset(zone, orZ: orZ, text)
    case .fraction(let digits, let isTrimmed, _): readFraction(digits, isTrimmed, text)
    }
  }

  /// Puts together what was read; nil for a date that does not exist.
  mutating func finish() -> WrittenTime? {
    if isAfternoon == true, time.civil.hour < 12 { time.civil.hour += 12 }
    if isAfternoon == false, time.civil.hour == 12 { time.civil.hour = 0 }
    let year = time.civil.year
    if let yearDay {
      guard yearDay >= 1, yearDay <= (CivilTime.isLeap(year) ? 366 : 365) else { return nil }
      let date = CivilTime(seconds: Int64(daysSince1970(year, 1, 1) + yearDay - 1) * 86_400, nanosecond: 0)
      guard month == nil || month == date.month, day == nil || day == date.day else { return nil }
      (month, day) = (date.month, date.day)
    }
    time.civil.month = month ?? 1
    time.civil.day = day ?? 1
    guard (1...Stages.daysIn(time.civil.month, of: year)).contains(time.civil.day) else { return nil }
    return time
  }

  mutating func takeAnyFraction(_ text: Span<UInt8>) {
    if offset + 1 < text.count, isSeparator(text[offset]), isDigit(text, offset + 1) { _ = readFraction(0, true, text) }
  }

  /// Skips text that must be there; runs of spaces fit each other whatever their length.
  private mutating func skip(_ bytes: [UInt8], _ text: Span<UInt8>) -> Bool {
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x20 {
        guard offset == text.count || text[offset] == 0x20 else { return false }
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        while offset < text.count, text[offset] == 0x20 { offset += 1 }
      } else {
        guard offset < text.count, text[offset] == bytes[index] else { return false }
        index += 1
        offset += 1
      }
    }
    return true
  }

  private mutating func readMonth(_ text: Span<UInt8>, isLong: Bool) -> Bool {
    month = name(monthNames, text, isLong: isLong).map { $0 + 1 }
    return month != nil
  }

  /// Takes one of the names, or its first three letters, in upper or lower case; returns its number.
  private mutating func name(_ names: [StaticString], _ text: Span<UInt8>, isLong: Bool) -> Int? {
    for (number, name) in names.enumerated() {
      let count = isLong ? name.utf8CodeUnitCount : 3
      guard text.count - offset >= count else { continue }
      let isSame = name.withUTF8Buffer { letters in
        let letters = unsafe letters.span
        for index in 0..<count where letters[index] | 0x20 != text[offset + index] | 0x20 { return false }
        return true
      }
      guard isSame else { continue }
      offset += count
      return number
    }
    return nil
  }

  private mutating func spaced(_ most: Int, _ text: Span<UInt8>, _ read: (inout Self) -> Int?) -> Int? {
    for _ in 0..<most where offset < text.count && text[offset] == 0x20 { offset += 1 }
    return read(&self)
  }

  /// One digit or two.
  private mutating func number(_ text: Span<UInt8>) -> Int? { digits(1...2, text) }

  private mutating func twoDigits(_ text: Span<UInt8>) -> Int? { digits(2...2, text) }

  private mutating func digits(_ count: ClosedRange<Int>, _ text: Span<UInt8>) -> Int? {
    var value = 0
    let start = offset
    while offset - start < count.upperBound, isDigit(text, offset) {
      value = value * 10 + Int(text[offset] - 0x30)
      offset += 1
    }
    return offset - start >= count.lowerBound ? value : nil
  }

  private mutating func readHalf(_ morning: StaticString, _ afternoon: StaticString, _ text: Span<UInt8>) -> Bool {
    isAfternoon = takeWord(afternoon, text) ? true : takeWord(morning, text) ? false : nil
    return isAfternoon != nil
  }

  private mutating func takeWord(_ word: StaticString, _ text: Span<UInt8>) -> Bool {
    let count = word.utf8CodeUnitCount
    guard text.count - offset >= count else { return false }
    let isSame = word.withUTF8Buffer { letters in
      let letters = unsafe letters.span
      for index in 0..<count where letters[index] != text[offset + index] { return false }
      return true
    }
    if isSame { offset += count }
    return isSame
  }

  private mutating func readOffset(_ zone: TimeLayout.Zone, orZ: Bool, _ text: Span<UInt8>) -> Bool {
    if orZ, takeWord("Z", text) {
      time.zone = .offset(0)
      return true
    }
    guard offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") else {
      return false
    }
    let sign = text[offset] == UInt8(ascii: "-") ? -1 : 1
    offset += 1
    // Some write an offset of 24 hours or 60 minutes.
    guard let hours = twoDigits(text), hours <= 24 else { return false }
    var seconds = hours * 3600
    let hasColons = zone == .hourColonMinute || zone == .colons
    for (unit, isWritten) in [(60, zone != .hour), (1, zone == .hourMinuteSecond || zone == .colons)] where isWritten {
      if hasColons, !takeWord(":", text) { return false }
      guard let value = twoDigits(text), value <= 60 else { return false }
      seconds += value * unit
    }
    time.zone = .offset(sign * seconds)
    return true
  }

  /// Takes what looks like a zone's abbreviation: three capitals, four or five that end in T, `GMT+3`, `+03`.
  private mutating func readZoneName(_ text: Span<UInt8>) -> Bool {
    if takeWord("UTC", text) {
      time.zone = .offset(0)
      return true
    }
    let start = offset
    if takeWord("ChST", text) || takeWord("MeST", text) || takeWord("WITA", text) {
    } else if takeWord("GMT", text) {
      takeSignedHours(text)
    } else if offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") {
      takeSignedHours(text)
      guard offset > start, text.count - start >= 3 else { return false }
    } else {
      while offset < text.count, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(text[offset]), offset - start < 6 {
        offset += 1
      }
      let count = offset - start
      guard count == 3 || ((count == 4 || count == 5) && text[offset - 1] == UInt8(ascii: "T")) else { return false }
    }
    time.zone = .named(start..<offset)
    return true
  }

  /// Takes a sign and a number up to 23, if they come next.
  private mutating func takeSignedHours(_ text: Span<UInt8>) {
    let start = offset
    guard offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") else { return }
    offset += 1
    guard let hours = digits(1...18, text), hours <= 23 else {
      offset = start
      return
    }
  }

  private mutating func readFraction(_ count: Int, _ isTrimmed: Bool, _ text: Span<UInt8>) -> Bool {
    guard offset < text.count, isSeparator(text[offset]), isDigit(text, offset + 1) else { return isTrimmed }
    let start = offset + 1
    offset = start
    var (value, scale) = (0, 1_000_000_000)
    // What is finer than a nanosecond is cut off.
    while isDigit(text, offset), isTrimmed || offset - start < count {
      if scale > 1 {
        value = value * 10 + Int(text[offset] - 0x30)
        scale /= 10
      }
      offset += 1
    }
    guard isTrimmed || offset - start == count else { return false }
    time.civil.nanosecond = value * scale
    return true
  }

  private func isDigit(_ text: Span<UInt8>, _ index: Int) -> Bool { index < text.count && text[index] &- 0x30 < 10 }

  private func isSeparator(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",") }
}

private func assign(_ place: inout Int, _ value: Int?, in range: ClosedRange<Int>) -> Bool {
  guard let value, range.contains(value) else { return false }
  place = value
  return true
}

private func assign(_ place: inout Int?, _ value: Int?, in range: ClosedRange<Int>) -> Bool {
  guard let value, range.contains(value) else { return false }
  place = value
  return true
}

/// `+3` as 3.
private func signedNumber(_ text: ArraySlice<UInt8>) -> Int? { Int(String(decoding: text, as: UTF8.self)) }
