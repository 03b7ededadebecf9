// SPDX-License-Identifier: Apache-2.0

/// How a file begins: the hash of its first bytes, of as many as there were, up to 1024.
struct HeadFingerprint: Equatable, Sendable {
  static let longest = 1024

  private(set) var length: UInt16 = 0
  private(set) var hash: UInt64 = Self.hash(of: Span(), count: 0)

  init() {}

  init(length: UInt16, hash: UInt64) {
    self.length = length
    self.hash = hash
  }

  /// Of a file that begins with `head`.
  init(of head: Span<UInt8>) {
    let count = min(head.count, Self.longest)
    length = UInt16(count)
    hash = Self.hash(of: head, count: count)
  }

  /// Whether a file that begins with `head` may be the one this is of, grown.
  func matches(_ head: Span<UInt8>) -> Bool {
    head.count >= Int(length) && Self.hash(of: head, count: Int(length)) == hash
  }

  /// FNV-1a, 64 bits.
  private static func hash(of head: Span<UInt8>, count: Int) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<count { hash = (hash ^ UInt64(head[index])) &* 0x100_0000_01b3 }
    return hash
  }
}
