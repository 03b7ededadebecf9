// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_load1`, `node_load5`, `node_load15` from `/proc/loadavg`.
public struct LoadAverageCollector: Collector {
  /// `loadavg`.
  public static let name = "loadavg"

  /// Appends the three averages.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let loads = try host.withProcFile("loadavg") { parseLoads($0) }
    guard let loads else { throw CollectorError.unexpectedContent("loadavg") }
    batch.family("node_load1", .gauge, help: "Load average over one minute.")
    batch.append(loads.one)
    batch.family("node_load5", .gauge, help: "Load average over five minutes.")
    batch.append(loads.five)
    batch.family("node_load15", .gauge, help: "Load average over fifteen minutes.")
    batch.append(loads.fifteen)
  }
}

/// Parses `0.20 0.18 0.12 1/80 11206`. Fields past the third are of no interest.
func parseLoads(_ bytes: Span<UInt8>) -> (one: Double, five: Double, fifteen: Double)? {
  var offset = 0
  guard let line = nextLine(bytes, at: &offset) else { return nil }
  offset = line.lowerBound
  func next() -> Double? {
    nextField(bytes, at: &offset, before: line.upperBound).flatMap { parseDecimal(bytes, $0) }
  }
  guard let one = next(), let five = next(), let fifteen = next() else { return nil }
  return (one, five, fifteen)
}
