// SPDX-License-Identifier: Apache-2.0

/// Something of a component's that other components use but the language does not look into.
public struct Capsule: Sendable, Equatable {
  /// What it is, such as `MetricsReceiver`.
  public let kind: String
  /// The thing.
  public let object: any AnyObject & Sendable

  /// Wraps `object`.
  public init(kind: String, object: any AnyObject & Sendable) {
    self.kind = kind
    self.object = object
  }

  /// Equal when they hold the same object.
  public static func == (left: Capsule, right: Capsule) -> Bool {
    left.kind == right.kind && left.object === right.object
  }
}
