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
/// A stream of another tenant than the endpoint's says so in a field of ours after its labels, `a2 06 <length> tenant`.
/// It is for the queue only: `StreamPush` takes it out again.
public struct PushEncoder: Sendable {
  /// The streams ended so far. Adding to them while somebody keeps this array copies the whole.
  public private(set) var bytes: [UInt8] = []
  /// How many entries were added.
  public private(set) var entryCount = 0
  /// How many streams were begun.
  public private(set) var streamCount = 0
  /// What kind of block the request is for the queue; see ``PushBlockKind``.
  public var blockKind: UInt8 {
    if hasTenants { return PushBlockKind.withTenants }
    return streamCount == 1 ? PushBlockKind.oneStream : PushBlockKind.plain
  }

  private var stream: [UInt8] = []  // the payload of the stream being written
  private var text: [UInt8] = []
  private var hasTenants = false

  /// An encoder with an empty request.
  public init() {}

  /// How many bytes the request has, uncompressed, the stream being written included.
  public var byteCount: Int { bytes.count + (stream.isEmpty ? 0 : fieldSize(stream.count)) }

  /// Begins a new request in the same buffers.
  public mutating func begin() {
    bytes.removeAll(keepingCapacity: true)
    stream.removeAll(keepingCapacity: true)
    entryCount = 0
    streamCount = 0
    hasTenants = false
  }

  /// Ends the stream before, and begins one with these labels; the entries added next belong to it.
  ///
  /// `tenant` is whose the stream is; empty for the endpoint's own.
  public mutating func beginStream(packedLabels: Span<UInt8>, tenant: Span<UInt8> = Span()) {
    endStream()
    text.removeAll(keepingCapacity: true)
    appendStreamLabels(packedLabels, to: &text)
    appendField(0x0a, text, to: &stream)
    streamCount += 1
    guard !tenant.isEmpty else { return }
    hasTenants = true
    stream.append(addingCapacity: fieldSize(tenant.count) + 1) { output in
      output.appendVarint(UInt64(pushTenantField) << 3 | 2)
      output.appendVarint(UInt64(tenant.count))
      output.append(copying: tenant)
    }
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
  }

  /// Ends the request and replaces the contents of `block` with it as a snappy block.
  public mutating func finish(snappy block: inout [UInt8]) {
    endStream()
    Snappy.compress(bytes.span, into: &block)
  }
}
