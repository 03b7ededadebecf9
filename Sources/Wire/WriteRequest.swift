// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// A remote write 1.0 request, decoded.
public struct WriteRequest: Equatable, Sendable {
  /// One value at one time.
  public struct Sample: Equatable, Sendable {
    /// The value's bits; a stale marker must not become a Double.
    public var valueBits: UInt64
    /// Milliseconds since 1970.
    public var timestampMilliseconds: Int64

    /// A sample.
    public init(valueBits: UInt64, timestampMilliseconds: Int64) {
      self.valueBits = valueBits
      self.timestampMilliseconds = timestampMilliseconds
    }
  }

  /// A sample that points elsewhere, at a trace for example.
  public struct Exemplar: Equatable, Sendable {
    /// Its own labels.
    public var labels: [Label]
    /// The value's bits.
    public var valueBits: UInt64
    /// Milliseconds since 1970.
    public var timestampMilliseconds: Int64

    /// An exemplar.
    public init(labels: [Label], valueBits: UInt64, timestampMilliseconds: Int64) {
      self.labels = labels
      self.valueBits = valueBits
      self.timestampMilliseconds = timestampMilliseconds
    }
  }

  /// A series with what is new of it.
  public struct Series: Equatable, Sendable {
    /// In the order they came; nobody has checked that they are sorted, unique and non-empty.
    public var labels: [Label]
    /// In the order they came.
    public var samples: [Sample]
    /// In the order they came.
    public var exemplars: [Exemplar]
    /// How many native histograms there were; they are not read.
    public var histogramCount: Int

    /// A series.
    public init(labels: [Label], samples: [Sample], exemplars: [Exemplar] = [], histogramCount: Int = 0) {
      self.labels = labels
      self.samples = samples
      self.exemplars = exemplars
      self.histogramCount = histogramCount
    }
  }

  /// The series.
  public var series: [Series]
  /// The metadata of metric families.
  public var metadata: [MetricFamily]

  /// A request.
  public init(series: [Series] = [], metadata: [MetricFamily] = []) {
    self.series = series
    self.metadata = metadata
  }
}
