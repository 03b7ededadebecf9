// SPDX-License-Identifier: Apache-2.0

/// How a queue is emptied.
public struct SenderOptions: Sendable, Equatable {
  /// The most samples of blocks that are merged; one block may have more.
  public var maxSamplesPerSend = 2000
  /// The most bytes, uncompressed, of blocks that are merged.
  public var maxRequestBytes = 1 << 20
  /// The most blocks that are merged.
  public var maxBlocksPerRequest = 20
  /// Samples older than this are dropped rather than sent; nil for never.
  public var sampleAgeLimit: Duration?
  /// When to try again.
  public var limits = RetryPolicy.Limits()
  /// How long a request in flight may go on when the sender is asked to stop.
  public var grace: Duration = .seconds(5)

  /// Alloy's defaults for remote write.
  public init() {}

  /// What suits log lines: as many as make a push of 1 MiB, from as many blocks as that takes after an outage, for each
  /// may hold a second's; waits as Alloy's for `loki.write`.
  public static var lines: SenderOptions {
    var options = SenderOptions()
    options.maxSamplesPerSend = 100_000
    options.maxBlocksPerRequest = 1000
    options.limits.shortestBackoff = .milliseconds(500)
    options.limits.longestBackoff = .seconds(300)
    return options
  }
}

extension Duration {
  /// Whole nanoseconds; 292 years at most.
  var nanoseconds: Int64 {
    let (seconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max / 2 : seconds + components.attoseconds / 1_000_000_000
  }
}
