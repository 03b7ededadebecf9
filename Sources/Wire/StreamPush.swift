// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Entries of one stream, taken out of a push: what is sent when each stream has to go by itself.
public struct StreamPush: Sendable, Equatable {
  /// Which stream: the fields that say so, as they stood in the push.
  public struct Key: Sendable, Hashable {
    /// The field of the labels, whole.
    var labels: [UInt8]
    /// Whose it is; empty for the endpoint's own tenant.
    public var tenant: [UInt8]
  }

  /// Which stream.
  public let key: Key
  /// How many entries there are.
  public private(set) var entryCount: Int
  private var entries: [UInt8]  // whole fields, one after the other

  fileprivate init(key: Key, entryCount: Int, entries: [UInt8]) {
    self.key = key
    self.entryCount = entryCount
    self.entries = entries
  }

  /// A push of this stream only, uncompressed.
  public var bytes: [UInt8] {
    let payload = key.labels.count + entries.count
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: fieldSize(payload)) { output in
      output.appendHeader(0x0a, length: payload)
      output.append(copying: key.labels.span)
      output.append(copying: entries.span)
    }
    return bytes
  }

  /// How many bytes that has.
  public var byteCount: Int { fieldSize(key.labels.count + entries.count) }

  /// Adds the entries of `other`, which are of the same stream and come after these.
  public mutating func append(_ other: StreamPush) {
    precondition(key == other.key, "BUG: entries of different streams in one")
    entries += other.entries
    entryCount += other.entryCount
  }

  /// The first entries, of at most `limit` bytes in all but one at least, and the rest; nil when that is all of them.
  public func split(atMost limit: Int) -> (first: StreamPush, rest: StreamPush)? {
    let room = limit - fieldSize(key.labels.count)
    var count = 0
    var offset = 0
    var end = 0
    while readField(entries.span, at: &offset) != nil {
      guard count == 0 || offset <= room else { return parts(count, end) }
      count += 1
      end = offset
    }
    return nil
  }

  /// Both halves; nil when there is only one entry.
  public func halves() -> (first: StreamPush, rest: StreamPush)? {
    guard entryCount > 1 else { return nil }
    var offset = 0
    for _ in 0..<entryCount / 2 { _ = readField(entries.span, at: &offset) }
    return parts(entryCount / 2, offset)
  }

  private func parts(_ count: Int, _ end: Int) -> (first: StreamPush, rest: StreamPush) {
    (
      StreamPush(key: key, entryCount: count, entries: Array(entries[..<end])),
      StreamPush(key: key, entryCount: entryCount - count, entries: Array(entries[end...]))
    )
  }
}

/// The streams of an uncompressed push of `tenant` (empty for the endpoint's own), in order, each time one is there; nil
/// when the bytes are no push.
public func streamPushes(_ push: Span<UInt8>, tenant: [UInt8] = []) -> [StreamPush]? {
  var streams: [StreamPush] = []
  var offset = 0
  while let field = readField(push, at: &offset) {
    guard field.number == 1, field.isDelimited else { continue }
    guard let stream = readStream(push.extracting(field.payload), tenant) else { return nil }
    if stream.entryCount > 0 { streams.append(stream) }
  }
  return offset == push.count ? streams : nil
}

private func append(_ stream: Span<UInt8>, _ part: Range<Int>, to entries: inout [UInt8]) {
  entries.append(addingCapacity: part.count) { $0.append(copying: stream.extracting(part)) }
}

private func readStream(_ stream: Span<UInt8>, _ tenant: [UInt8]) -> StreamPush? {
  var labels: [UInt8] = []
  var entries: [UInt8] = []
  var count = 0
  var offset = 0
  var run = 0..<0  // entries, one behind the other, that are not copied yet
  while let field = readField(stream, at: &offset) {
    guard field.isDelimited else { continue }
    switch field.number {
    case 1: labels = copy(stream, field.whole)
    case 2:
      count += 1
      guard field.whole.lowerBound != run.upperBound else {
        run = run.lowerBound..<field.whole.upperBound
        continue
      }
      append(stream, run, to: &entries)
      run = field.whole
    default: break
    }
  }
  guard offset == stream.count else { return nil }
  append(stream, run, to: &entries)
  return StreamPush(key: StreamPush.Key(labels: labels, tenant: tenant), entryCount: count, entries: entries)
}
