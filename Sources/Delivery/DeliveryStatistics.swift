// SPDX-License-Identifier: Apache-2.0

/// What has happened on the way to one endpoint; what waits is the queue's to tell.
public struct DeliveryStatistics: Sendable, Equatable {
  /// How things stand with the endpoint.
  public enum EndpointState: Sendable, Equatable {
    /// Nothing has been tried yet.
    case unknown
    /// The last attempt was answered as it should be.
    case up
    /// The hub is away or busy; the next attempt is at this monotonic time.
    case backingOff(until: Int64)
    /// The endpoint is wrong (`RetryPolicy.Action.hold`); the next attempt is at this monotonic time.
    case rejecting(status: Int, until: Int64)
  }

  /// Something that went wrong, for people.
  public struct Failure: Sendable, Equatable {
    /// What, with bytes of others escaped.
    public var text: String
    /// When, in milliseconds since 1970.
    public var timestampMilliseconds: Int64
  }

  /// Samples (or lines) the hub has said it has.
  public var sentSamples = 0
  /// Bytes of the bodies it took, compressed.
  public var sentBytes = 0
  /// Requests it took.
  public var sentRequests = 0
  /// Samples it does not want, by reason; lost to it for good.
  public var rejectedSamples: [RefusalReason: Int] = [:]
  /// Bytes of the bodies those were in, compressed, by reason; where a body was refused in part, that part of it.
  public var rejectedBytes: [RefusalReason: Int] = [:]
  /// Samples it refused because an attempt without an answer had brought them before.
  public var replayedSamples = 0
  /// Samples sent again after an attempt that failed, each time.
  public var retriedSamples = 0
  /// Attempts that failed.
  public var failedRequests = 0
  /// Families whose metadata it took.
  public var sentMetadata = 0
  /// Bytes of the bodies that took.
  public var sentMetadataBytes = 0
  /// Families whose metadata could not be delivered; they are sent again with the next round.
  public var failedMetadata = 0
  /// The last thing that went wrong.
  public var lastFailure: Failure?
  /// The last status the hub answered with.
  public var lastStatus: Int?
  /// When the hub last took a request, in milliseconds since 1970.
  public var lastSuccessMilliseconds: Int64?
  /// The newest sample it has, in milliseconds since 1970.
  public var highestSentTimestampMilliseconds: Int64?
  /// How long the requests took that were answered.
  public var requestSeconds = DurationHistogram()
  /// The same by status; of statuses beyond the first 32, the hundreds.
  public private(set) var requestSecondsByStatus: [Int: DurationHistogram] = [:]
  /// How large the bodies of all attempts were, compressed.
  public var requestBytes = SizeHistogram()
  /// How things stand with the endpoint.
  public var state = EndpointState.unknown
  /// Seconds this host's clock is ahead of the hub's.
  public var clockSkewSeconds: Int64?

  /// Nothing has happened yet.
  public init() {}

  mutating func observe(_ seconds: Double, status: Int) {
    requestSeconds.observe(seconds)
    let isKnown = requestSecondsByStatus[status] != nil || requestSecondsByStatus.count < 32
    requestSecondsByStatus[isKnown ? status : status / 100 * 100, default: DurationHistogram()].observe(seconds)
  }
}
