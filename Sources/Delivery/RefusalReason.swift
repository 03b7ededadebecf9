// SPDX-License-Identifier: Apache-2.0

/// Why the hub does not want a sample or line; the raw values are those of the `reason` label.
public enum RefusalReason: String, Sendable, CaseIterable {
  /// Older than another sample of its series.
  case outOfOrder = "out_of_order"
  /// Older than the hub takes at all.
  case tooOld = "too_old"
  /// Another value stands at its timestamp.
  case duplicate = "duplicate"
  /// Outside the times the hub takes, often the future.
  case outOfBounds = "out_of_bounds"
  /// Bigger than the hub takes, even alone.
  case tooLarge = "too_large"
  /// Refused for its rate, and the user asked not to try again.
  case rateLimited = "rate_limited"
  /// Of a stream too many for the hub, and the user asked not to try again.
  case streamLimited = "stream_limited"
  /// Labels or bytes the hub cannot read.
  case invalid = "invalid"
  /// Anything else.
  case other = "other"

  /// What an error body seems to say. Used to count and to explain, never to decide what is done.
  public init(body: String) {
    let text = body.lowercased()
    let phrases: [(String, RefusalReason)] = [
      ("label name", .invalid), ("label value", .invalid), ("structured metadata", .invalid),
      ("out of order", .outOfOrder), ("out-of-order", .outOfOrder),
      ("duplicate", .duplicate),
      ("out of bounds", .outOfBounds), ("too new", .outOfBounds), ("too far in the future", .outOfBounds),
      ("too old", .tooOld), ("too far behind", .tooOld),
      ("too long", .tooLarge), ("too large", .tooLarge), ("max entry size", .tooLarge),
      ("label", .invalid), ("invalid", .invalid), ("malformed", .invalid), ("corrupt", .invalid),
      ("unmarshal", .invalid), ("decod", .invalid),
    ]
    self = phrases.first { contains(text, $0.0) }?.1 ?? .other
  }

  /// What Loki's clients call it, for the `reason` label of their metrics.
  public var lokiReason: String {
    switch self {
    case .rateLimited: "rate_limited"
    case .streamLimited: "stream_limited"
    case .tooLarge: "line_too_long"
    case .outOfOrder, .tooOld, .duplicate, .outOfBounds, .invalid, .other: "ingester_error"
    }
  }

  /// Whether it is about the time alone, so that every sample of that time meets it.
  public var isAboutTimeAlone: Bool { self == .tooOld || self == .outOfBounds }

  /// Whether a hub that has the sample already would say this to a second copy.
  public var mayMeanAlreadyThere: Bool { self == .outOfOrder || self == .duplicate }
}
