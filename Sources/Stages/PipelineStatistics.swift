// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// What a pipeline has counted.
public struct PipelineStatistics: Sendable {
  /// Entries dropped, by reason.
  public var drops: [String: Int] = [:]
  /// Entries `stage.limit` dropped, by the label it limits; of a bounded number of values.
  public var dropsByLabel: [Label: Int] = [:]
  /// Whether there is a `stage.cri`.
  public var readsCRI = false
  /// Lines `stage.cri` emitted without their ends.
  public var criFlushed = 0
  /// Lines it cut.
  public var criTruncated = 0
}
