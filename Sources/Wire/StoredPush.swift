// SPDX-License-Identifier: Apache-2.0

/// What the kinds of blocks in a queue of log lines say of their payload.
public enum PushBlockKind {
  /// A push as Loki takes it, as a snappy block; all its streams belong to the endpoint's tenant.
  public static let plain: UInt8 = 2
  /// The same, of one stream only: it can be sent without a look into it.
  public static let oneStream: UInt8 = 4
  /// Pushes of one stream each, one behind the other, each of which can be sent without a look into it:
  ///
  /// ```
  /// varint length, tenant (empty for the endpoint's own)   varint entries   varint length, snappy block
  /// ```
  public static let byStream: UInt8 = 5

  /// Every kind of block that holds log lines.
  public static let all: [UInt8] = [plain, oneStream, byStream]
}

/// A push within the payload of a block.
public struct StoredPush: Sendable, Equatable {
  /// Where the name of its tenant stands; empty for the endpoint's own.
  public var tenant: Range<Int>
  /// How many entries it has.
  public var entries: Int
  /// Where it stands, as a snappy block.
  public var snappy: Range<Int>
}

/// The pushes of a block with `items` entries; nil when the payload is not of that kind.
public func storedPushes(kind: UInt8, items: Int, _ payload: Span<UInt8>) -> [StoredPush]? {
  guard PushBlockKind.all.contains(kind) else { return nil }
  guard kind == PushBlockKind.byStream else {
    return [StoredPush(tenant: 0..<0, entries: items, snappy: 0..<payload.count)]
  }
  var pushes: [StoredPush] = []
  var left = items
  var offset = 0
  while offset < payload.count {
    guard let tenant = readPart(payload, at: &offset), let entries = readVarint(payload, at: &offset),
      entries <= UInt64(left), let snappy = readPart(payload, at: &offset)
    else { return nil }
    left -= Int(entries)
    pushes.append(StoredPush(tenant: tenant, entries: Int(entries), snappy: snappy))
  }
  return left == 0 ? pushes : nil
}

private func readPart(_ payload: Span<UInt8>, at offset: inout Int) -> Range<Int>? {
  guard let length = readVarint(payload, at: &offset), length <= UInt64(payload.count - offset) else { return nil }
  defer { offset += Int(length) }
  return offset..<offset + Int(length)
}
