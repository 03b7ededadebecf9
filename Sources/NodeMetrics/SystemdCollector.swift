// SPDX-License-Identifier: Apache-2.0

public import Telemetry

public struct SystemdCollector: Collector {
  public static let name = "systemd"
  init(options: NodeOptions.Systemd) {}
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    throw CollectorError.failed("not there")
  }
}
