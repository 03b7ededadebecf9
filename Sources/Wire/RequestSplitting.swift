// SPDX-License-Identifier: Apache-2.0

/// What a request holds, counted without decoding it.
public struct RequestCounts: Equatable, Sendable {
  /// Series of a write request, streams of a push.
  public var series = 0
  /// Samples of a write request, entries of a push.
  public var samples = 0
  /// Entries of metadata.
  public var metadata = 0

  /// No counts.
  public init() {}
}

/// A half of a request, itself a request.
public struct RequestPart: Equatable, Sendable {
  /// The request, uncompressed.
  public var bytes: [UInt8]
  /// What it holds.
  public var counts: RequestCounts
}

/// Counts an uncompressed write request or push; nil when the bytes are no message.
///
/// Both kinds keep series in field 1 and their samples in field 2, and so one count serves both. Requests can be merged
/// by concatenating their bytes, and their counts then add up.
public func countRequest(_ bytes: Span<UInt8>) -> RequestCounts? {
  var counts = RequestCounts()
  var offset = 0
  while let field = readField(bytes, at: &offset) { counts.add(field, of: bytes) }
  return offset == bytes.count ? counts : nil
}

/// Halves an uncompressed write request between two of its series (or entries of metadata), so that a refused one can
/// be narrowed down; nil when only one is left, or when the bytes are no message.
///
/// The halves concatenated are the request.
public func splitWriteRequest(_ bytes: Span<UInt8>) -> (first: RequestPart, second: RequestPart)? {
  var fields = 0
  var offset = 0
  while readField(bytes, at: &offset) != nil { fields += 1 }
  guard offset == bytes.count, fields > 1 else { return nil }

  var first = RequestCounts()
  var second = RequestCounts()
  var middle = 0
  offset = 0
  for index in 0..<fields {
    guard let field = readField(bytes, at: &offset) else { return nil }
    if index < fields / 2 {
      first.add(field, of: bytes)
      middle = offset
    } else {
      second.add(field, of: bytes)
    }
  }
  return (
    RequestPart(bytes: copy(bytes, 0..<middle), counts: first),
    RequestPart(bytes: copy(bytes, middle..<bytes.count), counts: second)
  )
}

/// Halves an uncompressed push between two streams, or when it has only one, between two of its entries; nil when only
/// one entry is left, or when the bytes are no message.
public func splitPushRequest(_ bytes: Span<UInt8>) -> (first: RequestPart, second: RequestPart)? {
  if let halves = splitWriteRequest(bytes) { return halves }
  var offset = 0
  guard let stream = readField(bytes, at: &offset), stream.number == 1, stream.isDelimited, offset == bytes.count
  else { return nil }
  return splitStream(bytes.extracting(stream.payload))
}

/// Everything that is not an entry (the labels) goes into both halves.
private func splitStream(_ stream: Span<UInt8>) -> (first: RequestPart, second: RequestPart)? {
  var shared: [UInt8] = []
  var entries: [Range<Int>] = []
  var offset = 0
  while let field = readField(stream, at: &offset) {
    if field.number == 2 {
      entries.append(field.whole)
    } else {
      shared += copy(stream, field.whole)
    }
  }
  guard offset == stream.count, entries.count > 1 else { return nil }
  func part(_ ranges: ArraySlice<Range<Int>>) -> RequestPart {
    var payload = shared
    for range in ranges { payload += copy(stream, range) }
    var request: [UInt8] = []
    appendField(0x0a, payload, to: &request)
    var counts = RequestCounts()
    counts.series = 1
    counts.samples = ranges.count
    return RequestPart(bytes: request, counts: counts)
  }
  let middle = entries.count / 2
  return (part(entries[..<middle]), part(entries[middle...]))
}

extension RequestCounts {
  fileprivate mutating func add(_ field: WireField, of bytes: Span<UInt8>) {
    guard field.isDelimited else { return }
    if field.number == 3 { metadata += 1 }
    guard field.number == 1 else { return }
    series += 1
    let message = bytes.extracting(field.payload)
    var offset = 0
    while let inner = readField(message, at: &offset) {
      if inner.number == 2 { samples += 1 }
    }
  }
}
