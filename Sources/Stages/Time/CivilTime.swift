// SPDX-License-Identifier: Apache-2.0

/// A date and a time of day, of no particular place.
struct CivilTime: Equatable, Sendable {
  var year = 0
  var month = 1
  var day = 1
  var hour = 0
  var minute = 0
  var second = 0
  var nanosecond = 0

  init() {}

  /// What a clock shows that runs in UTC, or is told seconds that many east of it.
  init(seconds: Int64, nanosecond: Int) {
    let days = (seconds - Self.modulo(seconds, 86_400)) / 86_400
    let rest = Int(Self.modulo(seconds, 86_400))
    (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
    self.nanosecond = nanosecond
    // Years counted from March, so that the leap day is the last of them; eras of 400 years.
    let fromMarch = days + 719_468
    let era = (fromMarch - Self.modulo(fromMarch, 146_097)) / 146_097
    let dayOfEra = Int(Self.modulo(fromMarch, 146_097))
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = Int(era) * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  }

  /// Seconds since 1970, were this UTC. A 29 February in another year is 1 March.
  var seconds: Int64 {
    Int64(daysSince1970(year, month, day)) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
  }

  /// 0 for Sunday.
  var weekday: Int { Int(Self.modulo(Int64(daysSince1970(year, month, day)) + 4, 7)) }

  /// 1 for 1 January.
  var yearDay: Int { daysSince1970(year, month, day) - daysSince1970(year, 1, 1) + 1 }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func modulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let rest = value % divisor
    return rest < 0 ? rest + divisor : rest
  }
}

/// Seconds and nanoseconds as one number; nil outside the years 1677 to 2262, which is all it can hold.
func nanoseconds(seconds: Int64, nanosecond: Int) -> Int64? {
  let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
  let (sum, carry) = scaled.addingReportingOverflow(Int64(nanosecond))
  return overflow || carry ? nil : sum
}
