// SPDX-License-Identifier: Apache-2.0

/// The moment `text` names as RFC 3339 has it, to the nanosecond (`2026-11-23T12:38:51.000123456+01:00`), as nanoseconds
/// since 1970; nil for anything else, and for years nanoseconds do not reach.
public func parseRFC3339(_ text: Span<UInt8>) -> Int64? {
  var clock = RFC3339Clock()
  return clock.nanoseconds(text)
}

/// Reads moments that mostly are in the minute of the one before, whose date need not be worked out again.
struct RFC3339Clock {
  // `2026-11-23T12:38`: the bytes as they stood, and seconds since 1970.
  private var text: SIMD16<UInt8>?
  private var minute = 0

  /// What `parseRFC3339` says.
  mutating func nanoseconds(_ text: Span<UInt8>) -> Int64? {
    guard text.count >= 20, readMinute(text), text[16] == UInt8(ascii: ":"), let second = number(text, 17, 2),
      second < 60
    else { return nil }
    var offset = 19
    guard let fraction = fraction(text, &offset), let zone = zone(text, &offset), offset == text.count
    else { return nil }
    let (nanoseconds, overflow) = Int64(minute + second - zone).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = nanoseconds.addingReportingOverflow(Int64(fraction))
    return overflow || carry ? nil : sum
  }

  /// Sets `minute`; false when there is none in the first 16 bytes, which are there.
  private mutating func readMinute(_ text: Span<UInt8>) -> Bool {
    let read = unsafe text.withUnsafeBytes { unsafe $0.loadUnaligned(as: SIMD16<UInt8>.self) }
    if read == self.text { return true }
    guard let year = number(text, 0, 4), let month = number(text, 5, 2), let day = number(text, 8, 2),
      let hour = number(text, 11, 2), let minute = number(text, 14, 2), text[4] == UInt8(ascii: "-"),
      text[7] == UInt8(ascii: "-"), text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"),
      (1...12).contains(month), day >= 1, day <= daysIn(month, of: year), hour < 24, minute < 60
    else { return false }
    self.text = read
    self.minute = daysSince1970(year, month, day) * 86400 + hour * 3600 + minute * 60
    return true
  }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, which is taken to have been in use always.
public func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
  // Years begin in March here, so that the leap day is their last.
  let shifted = month <= 2 ? year - 1 : year
  let era = (shifted >= 0 ? shifted : shifted - 399) / 400
  let yearOfEra = shifted - era * 400
  let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
  return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}

/// How many days a month has.
public func daysIn(_ month: Int, of year: Int) -> Int {
  switch month {
  case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
  case 4, 6, 9, 11: 30
  default: 31
  }
}

private func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int? {
  var value = 0
  for index in start..<(start + count) {
    let digit = text[index] &- 0x30
    guard digit < 10 else { return nil }
    value = value * 10 + Int(digit)
  }
  return value
}

/// Nanoseconds: 0 where there is no fraction; digits past the ninth do not count.
private func fraction(_ text: Span<UInt8>, _ offset: inout Int) -> Int? {
  guard offset < text.count, text[offset] == UInt8(ascii: ".") || text[offset] == UInt8(ascii: ",") else { return 0 }
  offset += 1
  let start = offset
  var value = 0
  while offset < text.count, text[offset] &- 0x30 < 10 {
    if offset - start < 9 { value = value * 10 + Int(text[offset] &- 0x30) }
    offset += 1
  }
  for _ in min(offset - start, 9)..<9 { value *= 10 }
  return offset > start ? value : nil
}

/// Seconds east of Greenwich.
private func zone(_ text: Span<UInt8>, _ offset: inout Int) -> Int? {
  guard offset < text.count else { return nil }
  let sign = text[offset]
  if sign == UInt8(ascii: "Z") {
    offset += 1
    return 0
  }
  guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), text.count - offset == 6,
    text[offset + 3] == UInt8(ascii: ":"), let hours = number(text, offset + 1, 2),
    let minutes = number(text, offset + 4, 2), hours <= 24, minutes < 60
  else { return nil }
  offset += 6
  return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
}
