// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

extension TimeLayout {
  /// Appends a moment (nanoseconds since 1970) as the clock of `zone` shows it.
  func append(_ moment: Int64, _ zone: TimeZone, to output: inout [UInt8]) {
    let (seconds, nanosecond) = moment.flooredDivision(by: 1_000_000_000)
    let offset = zone.lookup(seconds).offset
    let civil = CivilTime(
      seconds: seconds + Int64(offset.seconds), nanosecond: Int(nanosecond))
    for part in parts { append(part, civil, offset, to: &output) }
  }

  private func append(_ part: Part, _ civil: CivilTime, _ zone: TimeZone.Offset, to output: inout [UInt8]) {
    let hour12 = civil.hour % 12 == 0 ? 12 : civil.hour % 12
    switch part {
    case .literal(let bytes): output.append(contentsOf: bytes)
    case .longMonth: append(monthNames[civil.month - 1], to: &output)
    case .month: append(monthNames[civil.month - 1], 3, to: &output)
    case .numericMonth: append(civil.month, to: &output)
    case .zeroMonth: append(civil.month, 2, to: &output)
    case .longWeekday: append(weekdayNames[civil.weekday], to: &output)
    case .weekday: append(weekdayNames[civil.weekday], 3, to: &output)
    case .day: append(civil.day, to: &output)
    case .underDay: append(civil.day, 2, padding: 0x20, to: &output)
    case .zeroDay: append(civil.day, 2, to: &output)
    case .underYearDay: append(civil.yearDay, 3, padding: 0x20, to: &output)
    case .zeroYearDay: append(civil.yearDay, 3, to: &output)
    case .hour: append(civil.hour, 2, to: &output)
    case .hour12: append(hour12, to: &output)
    case .zeroHour12: append(hour12, 2, to: &output)
    case .minute: append(civil.minute, to: &output)
    case .zeroMinute: append(civil.minute, 2, to: &output)
    case .second: append(civil.second, to: &output)
    case .zeroSecond: append(civil.second, 2, to: &output)
    case .longYear: append(civil.year, 4, to: &output)
    case .year: append(civil.year % 100, 2, to: &output)
    case .upperHalf: append(civil.hour < 12 ? "AM" : "PM", to: &output)
    case .lowerHalf: append(civil.hour < 12 ? "am" : "pm", to: &output)
    case .zoneName: output.append(contentsOf: zone.abbreviation)
    case .offset(let form, let orZ): append(zone.seconds, form, orZ: orZ, to: &output)
    case .fraction(let digits, let isTrimmed, let separator):
      appendFraction(civil.nanosecond, digits, isTrimmed, separator, to: &output)
    }
  }

  private func append(_ text: StaticString, _ count: Int = .max, to output: inout [UInt8]) {
    text.withUTF8Buffer { unsafe output.append(contentsOf: $0.prefix(count)) }
  }

  private func append(_ number: Int, _ width: Int = 1, padding: UInt8 = 0x30, to output: inout [UInt8]) {
    let digits = String(number).utf8
    output.append(contentsOf: repeatElement(padding, count: max(0, width - digits.count)))
    output.append(contentsOf: digits)
  }

  private func append(_ offset: Int, _ form: Zone, orZ: Bool, to output: inout [UInt8]) {
    if orZ, offset == 0 { return output.append(UInt8(ascii: "Z")) }
    let size = Int(offset.magnitude)
    output.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    append(size / 3600, 2, to: &output)
    guard form != .hour else { return }
    if form == .hourColonMinute || form == .colons { output.append(UInt8(ascii: ":")) }
    append(size / 60 % 60, 2, to: &output)
    guard form == .hourMinuteSecond || form == .colons else { return }
    if form == .colons { output.append(UInt8(ascii: ":")) }
    append(size % 60, 2, to: &output)
  }

  private func appendFraction(
    _ nanosecond: Int, _ digits: Int, _ isTrimmed: Bool, _ separator: UInt8, to output: inout [UInt8]
  ) {
    let all = String(1_000_000_000 + nanosecond).utf8.dropFirst()
    var shown = Array(all.prefix(digits))
    if isTrimmed { while shown.last == 0x30 { shown.removeLast() } }
    guard !shown.isEmpty else { return }
    output.append(separator)
    output.append(contentsOf: shown)
    output.append(contentsOf: repeatElement(0x30, count: isTrimmed ? 0 : max(0, digits - 9)))
  }
}
