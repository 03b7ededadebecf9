// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Decodes a push in JSON, uncompressed, of at most `limit` bytes:
///
/// ```json
/// {"streams": [{"stream": {"app": "x"}, "values": [["1700000000000000000", "a line", {"trace": "7"}]]}]}
/// ```
///
/// Times are nanoseconds in a string; the third element of a value may be left out. Keys not known are skipped,
/// and so are streams without values.
public func decodePushRequest(json: [UInt8], limit: Int = defaultRequestLimit) throws(WireError) -> PushRequest {
  guard json.count <= limit else { throw .tooLarge(what: "push request", bytes: json.count, limit: limit) }
  var reader = JSONReader(json)
  var request = PushRequest()
  try reader.object { reader, key throws(WireError) in
    guard key == Array("streams".utf8) else { return try reader.skip() }
    try reader.array { reader, _ throws(WireError) in
      let stream = try readStream(&reader)
      if !stream.entries.isEmpty { request.streams.append(stream) }
    }
  }
  try reader.finish()
  return request
}

private func readStream(_ reader: inout JSONReader) throws(WireError) -> PushRequest.Stream {
  var labels: [Label] = []
  var entries: [PushRequest.Entry] = []
  try reader.object { reader, key throws(WireError) in
    if key == Array("stream".utf8) {
      labels = LabelSet(try readLabels(&reader)).labels
      for label in labels where !isStreamLabelName(label.name) { throw reader.error("\(label.name) is no label name") }
    } else if key == Array("values".utf8) {
      try reader.array { reader, _ throws(WireError) in entries.append(try readEntry(&reader)) }
    } else {
      try reader.skip()
    }
  }
  return PushRequest.Stream(labels: labels, entries: entries)
}

private func readLabels(_ reader: inout JSONReader) throws(WireError) -> [Label] {
  var labels: [Label] = []
  try reader.object { reader, name throws(WireError) in
    let value = try reader.string()
    labels.append(Label(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
  }
  return labels
}

private func readEntry(_ reader: inout JSONReader) throws(WireError) -> PushRequest.Entry {
  var entry = PushRequest.Entry(timestampNanoseconds: 0, line: [])
  var count = 0
  try reader.array { reader, index throws(WireError) in
    switch index {
    case 0: entry.timestampNanoseconds = try readTime(&reader)
    case 1: entry.line = try reader.string()
    case 2: entry.metadata = try readLabels(&reader)
    default: throw reader.error("a value of more than time, line and metadata")
    }
    count += 1
  }
  guard count >= 2 else { throw reader.error("a value without time or line") }
  return entry
}

private func readTime(_ reader: inout JSONReader) throws(WireError) -> Int64 {
  let text = String(decoding: try reader.string(), as: UTF8.self)
  guard !text.hasPrefix("+"), let time = Int64(text) else { throw reader.error("a time that is no whole number") }
  return time
}
