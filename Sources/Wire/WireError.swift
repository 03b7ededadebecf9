// SPDX-License-Identifier: Apache-2.0

/// Bytes from outside that are not what they should be, or too many.
public enum WireError: Error, Equatable, CustomStringConvertible {
  /// More than the limit: compressed, uncompressed, or decoded.
  case tooLarge(what: String, bytes: Int, limit: Int)
  /// Not the format named, for the reason given.
  case malformed(what: String, reason: String)

  /// One line for the operator, and for the body of an answer.
  public var description: String {
    switch self {
    case .tooLarge(let what, let bytes, let limit): "\(what) of \(bytes) bytes is over the limit of \(limit)"
    case .malformed(let what, let reason): "malformed \(what): \(reason)"
    }
  }
}
