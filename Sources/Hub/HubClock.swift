// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The hub's own idea of the time.
struct HubClock {
  var aheadSeconds: Int64 = 0

  /// Nanoseconds since 1970.
  var now: Int64 { wallClockNanoseconds() + aheadSeconds * 1_000_000_000 }

  /// The time as an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
  var httpDate: String {
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]  // 1970 began on a Thursday
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let now = self.now
    let weekday = weekdays[Int(now / 86_400_000_000_000 % 7)]
    let parts = rfc3339(nanoseconds: now).split { $0 == "-" || $0 == "T" || $0 == "." }
    return "\(weekday), \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(parts[3]) GMT"
  }
}
