// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// A Loki push, decoded.
public struct PushRequest: Equatable, Sendable {
  /// One log line.
  public struct Entry: Equatable, Sendable {
    /// Nanoseconds since 1970.
    public var timestampNanoseconds: Int64
    /// The line, usually UTF-8.
    public var line: [UInt8]
    /// Structured metadata.
    public var metadata: [Label]

    /// An entry.
    public init(timestampNanoseconds: Int64, line: [UInt8], metadata: [Label] = []) {
      self.timestampNanoseconds = timestampNanoseconds
      self.line = line
      self.metadata = metadata
    }
  }

  /// Lines with the same labels.
  public struct Stream: Equatable, Sendable {
    /// Sorted by name, unique, none empty.
    public var labels: [Label]
    /// In the order they came.
    public var entries: [Entry]

    /// A stream.
    public init(labels: [Label], entries: [Entry]) {
      self.labels = labels
      self.entries = entries
    }
  }

  /// The streams, in the order they came.
  public var streams: [Stream]

  /// A push.
  public init(streams: [Stream] = []) { self.streams = streams }
}
