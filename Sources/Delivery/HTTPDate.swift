// SPDX-License-Identifier: Apache-2.0

/// Seconds since 1970 of an HTTP date; nil for anything else.
///
/// All three forms RFC 9110 asks a recipient to know:
///
///     Sun, 06 Nov 1994 08:49:37 GMT
///     Sunday, 06-Nov-94 08:49:37 GMT
///     Sun Nov  6 08:49:37 1994
public func secondsSince1970(httpDate text: String) -> Int64? {
  guard text.utf8.count <= 40 else { return nil }
  let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
  if words.count == 6, words[5] == "GMT" {
    return seconds(year: year(words[3]), month: month(words[2]), day: number(words[1]), time: words[4])
  }
  if words.count == 5 {
    return seconds(year: year(words[4]), month: month(words[1]), day: number(words[2]), time: words[3])
  }
  return nil
}

private func seconds(year: Int?, month: Int?, day: Int?, time: Substring) -> Int64? {
  let clock = time.split(separator: ":", omittingEmptySubsequences: false).map(number)
  guard let year, let month, let day, (1...31).contains(day), clock.count == 3,
    let hour = clock[0], let minute = clock[1], let second = clock[2], hour < 24, minute < 60, second <= 60
  else { return nil }
  let days = daysSince1970(year: year, month: month, day: day)
  return Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
}

/// Up to four decimal digits.
private func number(_ digits: Substring) -> Int? {
  guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
  return Int(digits)
}

/// Two digits mean the nearest century, as good as the year 2069 will need.
private func year(_ digits: Substring) -> Int? {
  guard let value = number(digits) else { return nil }
  if digits.utf8.count == 2 { return value < 70 ? 2000 + value : 1900 + value }
  return digits.utf8.count == 4 && value >= 1970 ? value : nil
}

private func month(_ name: Substring) -> Int? {
  let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  return names.firstIndex(of: String(name)).map { $0 + 1 }
}

/// The Gregorian calendar with years beginning in March, so that the leap day comes last.
private func daysSince1970(year: Int, month: Int, day: Int) -> Int {
  let shifted = month <= 2 ? year - 1 : year
  let century = shifted / 400
  let yearOfCentury = shifted - century * 400
  let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
  let dayOfCentury = yearOfCentury * 365 + yearOfCentury / 4 - yearOfCentury / 100 + dayOfYear
  return century * 146_097 + dayOfCentury - 719_468
}
