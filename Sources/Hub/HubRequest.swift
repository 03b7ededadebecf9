// SPDX-License-Identifier: Apache-2.0

public import HTTP

/// A write or push the hub was sent.
public struct HubRequest: Sendable {
  /// Its path.
  public var path: String
  /// Its header fields.
  public var headers: Headers
  /// The bytes of its body, compressed.
  public var bodyBytes: Int
  /// Samples or lines in it; 0 where it was not read.
  public var items: Int
  /// What it was answered; 0 for no answer.
  public var status: Int
}
