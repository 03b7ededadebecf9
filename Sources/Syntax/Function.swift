// SPDX-License-Identifier: Apache-2.0

/// A function of the standard library.
public struct Function: Sendable, Equatable {
  /// Its name with dots.
  public let name: String
  /// Whether using it deserves a warning.
  let deprecated: Bool
  let call: @Sendable ([Value], Scope) throws(ConversionError) -> Value

  init(
    _ name: String, deprecated: Bool = false,
    _ call: @escaping @Sendable ([Value], Scope) throws(ConversionError) -> Value
  ) {
    self.name = name
    self.deprecated = deprecated
    self.call = call
  }

  /// Equal by name. (In the language itself functions are never equal.)
  public static func == (left: Function, right: Function) -> Bool { left.name == right.name }
}
