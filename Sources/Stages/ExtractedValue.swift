// SPDX-License-Identifier: Apache-2.0

/// What a stage found in an entry, for stages after it.
public enum ExtractedValue: Equatable, Sendable {
  /// Text: a place in the entry's `bytes`.
  case text(Range<Int>)
  /// A number.
  case number(Double)
  /// Yes or no.
  case bool(Bool)
  /// There, but nothing; has no text.
  case null
}
