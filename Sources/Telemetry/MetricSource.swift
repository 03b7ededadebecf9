// SPDX-License-Identifier: Apache-2.0

/// Something in this process that can be scraped without HTTP: the node's metrics, or the agent's own.
public protocol MetricSource: Sendable {
  /// Appends the current samples, without timestamps and without target labels, to `batch`, which it returns.
  ///
  /// `deadline` is in `monotonicNanoseconds`; what cannot be had by then is left out and reported by the source's own
  /// series.
  func collect(into batch: consuming SeriesBatch, deadline: Int64) async throws -> SeriesBatch

  /// Returns once the source's thread, if it has one, could do something else.
  func answer() async
}

extension MetricSource {
  /// There is no thread.
  public func answer() async {}
}

/// Where batches of samples go: a relabelling, a remote write.
public protocol MetricsReceiver: AnyObject, Sendable {
  /// Takes a batch; returns once it is safe (for a queue: on disk), which is what holds a fast source back.
  func receive(_ batch: SeriesBatch) async throws
}
