// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Wall-clock time, as nanoseconds since 1970-01-01 UTC.
public func wallClockNanoseconds() -> Int64 { nanoseconds(of: CLOCK_REALTIME) }

/// Wall-clock time, as milliseconds since 1970-01-01 UTC: the unit of Prometheus's samples.
public func wallClockMilliseconds() -> Int64 { wallClockNanoseconds() / 1_000_000 }

/// Time that never jumps: nanoseconds since some moment before the program began.
public func monotonicNanoseconds() -> Int64 { nanoseconds(of: CLOCK_MONOTONIC) }

/// What the calling thread has used of a processor, in nanoseconds; it stands still while the thread waits or is stopped.
public func threadCPUNanoseconds() -> Int64 { nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) }

private func nanoseconds(of clock: clockid_t) -> Int64 {
  var time = timespec()
  unsafe clock_gettime(clock, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// `2026-11-23T12:38:51.000123Z`, the form RFC 3339 gives to a moment in UTC, to the microsecond.
public func rfc3339(nanoseconds: Int64) -> String {
  var seconds = time_t(nanoseconds / 1_000_000_000)
  var rest = nanoseconds % 1_000_000_000
  if rest < 0 {
    rest += 1_000_000_000
    seconds -= 1
  }
  var parts = unsafe tm()
  unsafe _ = gmtime_r(&seconds, &parts)
  func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
  let date =
    unsafe "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
  let time = unsafe "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
  return "\(date)T\(time).\(padded(Int(rest / 1000), 6))Z"
}
