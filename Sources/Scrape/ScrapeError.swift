// SPDX-License-Identifier: Apache-2.0

/// Why a scrape failed, in words for whoever runs the target.
public struct ScrapeError: Error, Equatable, CustomStringConvertible {
  /// What kind of failure, where it is counted apart.
  public enum Kind: Sendable {
    /// Unreachable, refused, unreadable.
    case failed
    /// `body_size_limit`.
    case bodySizeLimit
    /// `sample_limit`.
    case sampleLimit
    /// `label_limit` and its kin.
    case labelLimit
    /// `target_limit`.
    case targetLimit
  }

  /// The reason.
  public var description: String
  /// Its kind.
  public var kind: Kind

  /// A failure.
  public init(_ description: String, _ kind: Kind = .failed) {
    self.description = description
    self.kind = kind
  }
}
