// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// A `WriteRequest` that holds only metadata, uncompressed: remote write 1.0 sends it apart from the samples.
public func encodeMetadata(_ families: [MetricFamily]) -> [UInt8] {
  var request: [UInt8] = []
  for family in families {
    var message: [UInt8] = []
    if family.type != .unknown { message += [0x08, family.type.rawValue] }
    appendText(0x12, family.name, to: &message)
    appendText(0x22, family.help, to: &message)
    appendText(0x2a, family.unit, to: &message)
    request.append(0x1a)
    appendLengthPrefixed(message.span, to: &request)
  }
  return request
}

private func appendText(_ tag: UInt8, _ text: String, to message: inout [UInt8]) {
  guard !text.isEmpty else { return }
  message.append(tag)
  appendLengthPrefixed(Array(text.utf8).span, to: &message)
}
