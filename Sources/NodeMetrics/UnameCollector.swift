// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
public import Telemetry

/// `node_uname_info`: what uname(2) says; dashboards choose their host by it.
public struct UnameCollector: Collector {
  /// `uname`.
  public static let name = "uname"

  /// Appends the one series.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { throw SystemError("uname") }
    batch.family("node_uname_info", .gauge, help: "Always 1; the labels are what uname tells.")
    label("sysname", names.sysname, of: &batch)
    label("release", names.release, of: &batch)
    label("version", names.version, of: &batch)
    label("machine", names.machine, of: &batch)
    label("nodename", names.nodename, of: &batch)
    label("domainname", names.__domainname, of: &batch)
    batch.append(1)
  }

  private func label<Text>(_ name: StaticString, _ text: Text, of batch: inout SeriesBatch) {
    unsafe withUnsafeBytes(of: text) { bytes in
      let all = unsafe bytes.bindMemory(to: UInt8.self).span
      let length = firstIndex(of: 0, in: all, 0..<all.count) ?? all.count
      batch.label(name, all.extracting(0..<length))
    }
  }
}
