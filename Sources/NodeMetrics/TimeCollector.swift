// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
public import Telemetry

/// The host's clock, its time zone, and what the clock is driven by.
public struct TimeCollector: Collector {
  /// `time`.
  public static let name = "time"

  private let sources: [(device: String, available: String, current: String)]

  /// Looks for clock sources once; the kernel makes them at boot.
  init(host: Host) {
    let folder = "devices/system/clocksource"
    sources = host.sysEntries(folder).filter { $0.hasPrefix("clocksource") }.enumerated().map { index, name in
      ("\(index)", "\(folder)/\(name)/available_clocksource", "\(folder)/\(name)/current_clocksource")
    }
  }

  /// Appends the time, the zone, and the clock sources.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let now = wallClockNanoseconds()
    batch.family("node_time_seconds", .gauge, help: "The host's clock, in seconds since 1970.")
    batch.append(Double(now) / 1e9)
    appendZone(at: now, to: &batch)
    guard !sources.isEmpty else { return }
    batch.family(
      "node_time_clocksource_available_info", .gauge, help: "Always 1; clock sources the kernel could use.")
    for source in sources { try append(source.available, of: source.device, from: host, to: &batch) }
    batch.family("node_time_clocksource_current_info", .gauge, help: "Always 1; the clock source in use.")
    for source in sources { try append(source.current, of: source.device, from: host, to: &batch) }
  }

  private func appendZone(at now: Int64, to batch: inout SeriesBatch) {
    var seconds = time_t(now / 1_000_000_000)
    var parts = unsafe tm()
    guard unsafe localtime_r(&seconds, &parts) != nil else { return }
    batch.family("node_time_zone_offset_seconds", .gauge, help: "Seconds the host's time zone is ahead of UTC.")
    if let zone = unsafe parts.tm_zone {
      let length = unsafe strlen(zone)
      unsafe zone.withMemoryRebound(to: UInt8.self, capacity: length) { start in
        unsafe batch.label("time_zone", UnsafeBufferPointer(start: start, count: length).span)
      }
    }
    unsafe batch.append(Double(parts.tm_gmtoff))
  }

  private func append(_ file: String, of device: String, from host: Host, to batch: inout SeriesBatch) throws {
    try host.withSysAttribute(file) { bytes in
      var offset = 0
      while let name = nextField(bytes, at: &offset, before: bytes.count) {
        batch.label("clocksource", bytes.extracting(name))
        batch.label("device", device)
        batch.append(1)
      }
    }
  }
}
