// SPDX-License-Identifier: Apache-2.0

/// How strict a hub is and how much it keeps.
public struct HubOptions: Sendable, Equatable {
  /// How far behind its series' newest a sample may be; zero, Prometheus's default, for not at all.
  public var outOfOrderWindow: Duration = .zero
  /// What it takes of log lines.
  public var streams = StreamLimits()
  /// Whether streams belong to the tenant `X-Scope-OrgID` names, and a push without it is refused (`auth_enabled`).
  public var separatesTenants = false
  /// How far the hub's clock is ahead of this host's.
  public var clockAhead: Duration = .zero
  /// The most bytes of a request, compressed or not.
  public var maxBodyBytes = 32 << 20
  /// The most bytes of samples and of lines that are kept.
  public var windowBytes = 64 << 20
  /// The most requests that are remembered.
  public var maxRequestsRemembered = 1000

  /// Prometheus's and Loki's defaults.
  public init() {}
}
