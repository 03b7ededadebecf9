// SPDX-License-Identifier: Apache-2.0

/// How a component is.
public enum Health: Equatable, Sendable {
  /// It has not said yet.
  case unknown
  /// It does its work.
  case healthy
  /// It does not do its work, for this reason.
  case unhealthy(String)
  /// It was stopped.
  case exited

  /// The word for it in Alloy's interfaces.
  public var name: String {
    switch self {
    case .unknown: "unknown"
    case .healthy: "healthy"
    case .unhealthy: "unhealthy"
    case .exited: "exited"
    }
  }
}

/// A component, as the status page, the health check and the metrics see it.
public struct ComponentStatus: Sendable {
  /// The component's id with the path of its modules.
  public var id: String
  /// The name before the label.
  public var kind: String
  /// How it is.
  public var health: Health
  /// Since when, in nanoseconds since 1970.
  public var since: Int64
  /// The ids it refers to.
  public var references: [String]
}
