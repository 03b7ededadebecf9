// SPDX-License-Identifier: Apache-2.0

/// What kind of metric a family is; the raw values are those of remote write's `MetricMetadata`.
public enum MetricType: UInt8, Sendable {
  /// Untyped.
  case unknown = 0
  /// A value that only grows, until its process restarts.
  case counter = 1
  /// A value that goes up and down.
  case gauge = 2
  /// Observations counted in buckets.
  case histogram = 3
  /// Buckets whose counts go up and down.
  case gaugeHistogram = 4
  /// Observations summed up in quantiles.
  case summary = 5
  /// Labels that describe something; the value is 1.
  case info = 6
  /// One series per state.
  case stateSet = 7
}

/// The name, kind and explanation of a metric family.
public struct MetricFamily: Equatable, Sendable {
  /// The family's name, such as `node_load1`.
  public var name: String
  /// Its kind.
  public var type: MetricType
  /// What it means, in a sentence.
  public var help: String
  /// The unit, where the source names one.
  public var unit: String

  /// A family.
  public init(name: String, type: MetricType, help: String, unit: String = "") {
    self.name = name
    self.type = type
    self.help = help
    self.unit = unit
  }
}

/// The value that says "this series has ended": a signalling NaN that must never pass through arithmetic.
public let staleMarkerBits: UInt64 = 0x7ff0_0000_0000_0002

/// The ordinary NaN Prometheus writes.
public let normalNaNBits: UInt64 = 0x7ff8_0000_0000_0001
