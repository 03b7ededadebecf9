// SPDX-License-Identifier: Apache-2.0

/// Where a page stopped making sense.
public struct ExpositionError: Error, Equatable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// What is wrong there.
  public var reason: String

  /// `line 3: expected a value`.
  public var description: String { "line \(line): \(reason)" }
}
