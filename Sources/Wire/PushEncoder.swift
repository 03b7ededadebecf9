// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Writes log lines as a Loki `PushRequest`, straight into buffers that are used again.
///
/// ```
/// PushRequest  0a <length> Stream …
/// Stream       0a <length> {app="x", host="y"}  12 <length> Entry …
/// Entry        0a <length> Timestamp  12 <length> line  1a <length> LabelPair …
/// Timestamp    08 <varint of seconds>  10 <varint of nanoseconds>
/// ```
///
/// For a queue it may become several pushes; see ``PushBlockKind``.
public struct PushEncoder: Sendable {
  /// The streams ended so far. Adding to them while somebody keeps this array copies the whole.
  public private(set) var bytes: [UInt8] = []
  /// How many entries were added.
  public private(set) var entryCount = 0
  /// How many streams were begun.
  public private(set) var streamCount = 0

  private struct Ended {
    var end: Int  // in `bytes`
    var entries: Int
    var tenant: [UInt8]
  }

  /// More than this, in bytes, is never pushed with several streams in one.
  private static let mostBytesTogether = 64 << 10

  private var stream: [UInt8] = []  // the payload of the stream being written
  private var streamTenant: [UInt8] = []
  private var entriesBefore = 0  // the stream being written
  private var streams: [Ended] = []
  private var hasTenants = false
  private var overhead = 0
  private var text: [UInt8] = []

  /// An encoder with an empty request.
  public init() {}

  /// How many bytes the request has, uncompressed, the stream being written included.
  public var byteCount: Int { bytes.count + (stream.isEmpty ? 0 : fieldSize(stream.count)) }

  /// About how many bytes a block of it would have of which nothing can be compressed.
  public var blockByteCount: Int { byteCount + overhead }

  /// Begins a new request in the same buffers.
  public mutating func begin() {
    bytes.removeAll(keepingCapacity: true)
    stream.removeAll(keepingCapacity: true)
    streams.removeAll(keepingCapacity: true)
    entryCount = 0
    streamCount = 0
    hasTenants = false
    overhead = 0
  }

  /// Ends the stream before, and begins one with these labels; the entries added next belong to it. A request has each
  /// stream once.
  ///
  /// `tenant` is whose the stream is; empty for the endpoint's own.
  public mutating func beginStream(packedLabels: Span<UInt8>, tenant: Span<UInt8> = Span()) {
    endStream()
    text.removeAll(keepingCapacity: true)
    appendStreamLabels(packedLabels, to: &text)
    appendField(0x0a, text, to: &stream)
    streamCount += 1
    streamTenant = copy(tenant, 0..<tenant.count)
    entriesBefore = entryCount
    hasTenants = hasTenants || !tenant.isEmpty
    overhead += tenant.count + 64
  }

  /// Adds an entry to the stream begun last. `metadata` is packed like labels.
  public mutating func add(timestampNanoseconds: Int64, line: Span<UInt8>, metadata: Span<UInt8>) {
    precondition(!stream.isEmpty, "BUG: an entry outside any stream")
    let (seconds, nanoseconds) = timestampNanoseconds.flooredDivision(by: 1_000_000_000)
    let timeSize =
      (seconds == 0 ? 0 : 1 + varintSize(UInt64(bitPattern: seconds)))
      + (nanoseconds == 0 ? 0 : 1 + varintSize(UInt64(nanoseconds)))
    let size = fieldSize(timeSize) + (line.isEmpty ? 0 : fieldSize(line.count)) + labelFieldsSize(metadata)
    stream.append(addingCapacity: fieldSize(size)) { output in
      output.appendHeader(0x12, length: size)
      output.appendHeader(0x0a, length: timeSize)
      if seconds != 0 {
        output.append(0x08)
        output.appendVarint(UInt64(bitPattern: seconds))
      }
      if nanoseconds != 0 {
        output.append(0x10)
        output.appendVarint(UInt64(nanoseconds))
      }
      if !line.isEmpty { output.appendField(0x12, line) }
      output.appendLabelFields(0x1a, metadata)
    }
    entryCount += 1
  }

  /// Adds an entry without structured metadata.
  public mutating func add(timestampNanoseconds: Int64, line: Span<UInt8>) {
    add(timestampNanoseconds: timestampNanoseconds, line: line, metadata: Span())
  }

  /// Ends the stream being written, if any. Whoever reads `bytes` calls this first; `finish` does it too.
  public mutating func endStream() {
    guard !stream.isEmpty else { return }
    appendField(0x0a, stream, to: &bytes)
    stream.removeAll(keepingCapacity: true)
    streams.append(Ended(end: bytes.count, entries: entryCount - entriesBefore, tenant: streamTenant))
  }

  /// Ends the request, replaces the contents of `block` with it as the payload of a block, and says of what kind.
  ///
  /// What will not go to the hub together is compressed apart, here and never again.
  public mutating func finish(into block: inout [UInt8]) -> UInt8 {
    endStream()
    guard hasTenants || streamCount > 1 && bytes.count > Self.mostBytesTogether else {
      Snappy.compress(bytes.span, into: &block)
      return streamCount == 1 ? PushBlockKind.oneStream : PushBlockKind.plain
    }
    block.removeAll(keepingCapacity: true)
    var compressed: [UInt8] = []
    var start = 0
    for stream in streams {
      Snappy.compress(bytes.span.extracting(start..<stream.end), into: &compressed)
      start = stream.end
      block.append(addingCapacity: stream.tenant.count + compressed.count + 30) { output in
        output.appendVarint(UInt64(stream.tenant.count))
        output.append(copying: stream.tenant.span)
        output.appendVarint(UInt64(stream.entries))
        output.appendVarint(UInt64(compressed.count))
        output.append(copying: compressed.span)
      }
    }
    return PushBlockKind.byStream
  }
}
