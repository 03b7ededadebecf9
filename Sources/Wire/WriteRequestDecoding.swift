// SPDX-License-Identifier: Apache-2.0

internal import CWire
internal import Telemetry

/// Decodes a `WriteRequest`, uncompressed, of at most `limit` bytes.
///
/// Decoding asks for `memoryBudget` bytes at most, and the result takes about as much again; a request that needs more
/// (millions of empty series in a few bytes each) is refused.
public func decodeWriteRequest(
  _ bytes: Span<UInt8>, limit: Int = defaultRequestLimit, memoryBudget: Int = 256 << 20
) throws(WireError) -> WriteRequest {
  guard bytes.count <= limit else { throw .tooLarge(what: "write request", bytes: bytes.count, limit: limit) }
  // The decoded message owns its memory: nothing points into `bytes` after this.
  let decoded = unsafe bytes.withUnsafeBufferPointer {
    unsafe cwire_unpack_write_request($0.baseAddress, $0.count, memoryBudget)
  }
  guard let decoded = unsafe decoded else {
    throw .malformed(
      what: "write request", reason: "not protobuf of that kind, or it needs over \(memoryBudget) bytes of memory")
  }
  defer { unsafe cwire_free_write_request(decoded) }
  // Below, every pointer comes from the decoder beside its count, and lives until the free above.
  let series = unsafe elements(decoded.pointee.timeseries, decoded.pointee.n_timeseries) { unsafe readSeries($0) }
  let metadata = unsafe elements(decoded.pointee.metadata, decoded.pointee.n_metadata) { unsafe readMetadata($0) }
  return WriteRequest(series: series, metadata: metadata)
}

private func readSeries(_ series: UnsafePointer<Prometheus__TimeSeries>) -> WriteRequest.Series {
  let series = unsafe series.pointee
  return unsafe WriteRequest.Series(
    labels: elements(series.labels, series.n_labels) { unsafe readLabel($0) },
    samples: elements(series.samples, series.n_samples) { sample in
      unsafe WriteRequest.Sample(
        valueBits: sample.pointee.value.bitPattern, timestampMilliseconds: sample.pointee.timestamp)
    },
    exemplars: elements(series.exemplars, series.n_exemplars) { exemplar in
      let exemplar = unsafe exemplar.pointee
      return unsafe WriteRequest.Exemplar(
        labels: elements(exemplar.labels, exemplar.n_labels) { unsafe readLabel($0) },
        valueBits: exemplar.value.bitPattern, timestampMilliseconds: exemplar.timestamp)
    },
    histogramCount: series.n_histograms)
}

private func readLabel(_ label: UnsafePointer<Prometheus__Label>) -> Label {
  unsafe Label(text(label.pointee.name), text(label.pointee.value))
}

private func readMetadata(_ metadata: UnsafePointer<Prometheus__MetricMetadata>) -> MetricFamily {
  let metadata = unsafe metadata.pointee
  let type = unsafe UInt8(exactly: metadata.type.rawValue).flatMap(MetricType.init(rawValue:)) ?? .unknown
  return unsafe MetricFamily(
    name: text(metadata.metric_family_name), type: type, help: text(metadata.help), unit: text(metadata.unit))
}

/// The `count` messages protobuf-c's array of pointers leads to.
func elements<Message, Element>(
  _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int,
  _ read: (UnsafePointer<Message>) -> Element
) -> [Element] {
  var result: [Element] = []
  guard let pointers = unsafe pointers else { return result }
  result.reserveCapacity(count)
  for index in 0..<count {
    guard let pointer = unsafe pointers[index] else { continue }
    unsafe result.append(read(UnsafePointer(pointer)))
  }
  return result
}

/// The bytes protobuf-c points to.
func contents(_ data: ProtobufCBinaryData) -> [UInt8] {
  unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
}

/// The same as text; what is not UTF-8 is replaced by U+FFFD.
func text(_ data: ProtobufCBinaryData) -> String {
  unsafe String(decoding: UnsafeBufferPointer(start: data.data, count: data.len), as: UTF8.self)
}
