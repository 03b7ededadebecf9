// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What this process uses, from `/proc/self` (proc(5)).
public struct ProcessUsage: Sendable {
  /// Processor time, user and system, in seconds.
  public var cpuSeconds: Double
  /// Bytes of memory in RAM.
  public var residentBytes: Double
  /// Bytes of address space.
  public var virtualBytes: Double
  /// Open descriptors.
  public var openFiles: Int
  /// How many there may be.
  public var maxFiles: Double

  /// Reads the usage now.
  public init() {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    cpuSeconds =
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    let pages = (try? readFile("/proc/self/statm")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let fields = pages.split(separator: " ").compactMap { Double($0) }
    let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
    virtualBytes = fields.count > 0 ? fields[0] * pageSize : 0
    residentBytes = fields.count > 1 ? fields[1] * pageSize : 0
    openFiles = (try? listDirectory("/proc/self/fd").count) ?? 0
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    maxFiles = Double(limit.rlim_cur)
  }
}
