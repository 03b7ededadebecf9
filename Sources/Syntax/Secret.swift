// SPDX-License-Identifier: Apache-2.0

/// Text that must not be shown: printing it gives `(secret)`, in every form.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The text itself, for whoever sends it where it belongs.
  public var revealed: String

  /// Hides `text`.
  public init(_ text: String) { revealed = text }

  /// `(secret)`
  public var description: String { "(secret)" }
  /// `(secret)`
  public var debugDescription: String { "(secret)" }
  /// Shows no members, so that `dump` tells nothing either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
