// SPDX-License-Identifier: Apache-2.0

internal import CWire
internal import Telemetry

/// Decodes a `PushRequest` in protobuf, uncompressed, of at most `limit` bytes; see `decodeWriteRequest` for the
/// budget.
public func decodePushRequest(
  _ bytes: Span<UInt8>, limit: Int = defaultRequestLimit, memoryBudget: Int = 256 << 20
) throws(WireError) -> PushRequest {
  guard bytes.count <= limit else { throw .tooLarge(what: "push request", bytes: bytes.count, limit: limit) }
  // The decoded message owns its memory: nothing points into `bytes` after this.
  let decoded = unsafe bytes.withUnsafeBufferPointer {
    unsafe cwire_unpack_push_request($0.baseAddress, $0.count, memoryBudget)
  }
  guard let decoded = unsafe decoded else {
    throw .malformed(
      what: "push request", reason: "not protobuf of that kind, or it needs over \(memoryBudget) bytes of memory")
  }
  defer { unsafe cwire_free_push_request(decoded) }
  // Below, every pointer comes from the decoder beside its count, and lives until the free above.
  let streams = unsafe elements(decoded.pointee.streams, decoded.pointee.n_streams) { stream in
    unsafe (
      text(stream.pointee.labels), elements(stream.pointee.entries, stream.pointee.n_entries) { unsafe readEntry($0) }
    )
  }
  var request = PushRequest()
  request.streams.reserveCapacity(streams.count)
  for (labels, entries) in streams {
    request.streams.append(PushRequest.Stream(labels: try parseStreamLabels(labels), entries: entries))
  }
  return request
}

private func readEntry(_ entry: UnsafePointer<Logproto__Entry>) -> PushRequest.Entry {
  let entry = unsafe entry.pointee
  var nanoseconds: Int64 = 0
  if let timestamp = unsafe entry.timestamp {
    // What the sender made up may not fit; such times are clamped rather than trusted or fatal.
    let seconds = unsafe timestamp.pointee.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let sum = unsafe seconds.partialValue.addingReportingOverflow(Int64(timestamp.pointee.nanos))
    let limit = unsafe timestamp.pointee.seconds < 0 ? Int64.min : Int64.max
    nanoseconds = seconds.overflow || sum.overflow ? limit : sum.partialValue
  }
  return unsafe PushRequest.Entry(
    timestampNanoseconds: nanoseconds, line: contents(entry.line),
    metadata: elements(entry.structured_metadata, entry.n_structured_metadata) { pair in
      unsafe Label(text(pair.pointee.name), text(pair.pointee.value))
    })
}
