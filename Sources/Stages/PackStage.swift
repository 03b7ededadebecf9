// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// `stage.pack`: packs labels and extracted values together with the line into a JSON object, and removes the labels.
public final class PackStage: Stage {
  private let names: [[UInt8]]
  private let stampsAnew: Bool
  private var stamps = LineStamps()

  /// Packs what is called `names`; with `ingestTimestamp` an entry gets the time at which that happens.
  public init(_ names: [String], ingestTimestamp: Bool) {
    self.names = Set(names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { Array($0.utf8) }
    stampsAnew = ingestTimestamp
  }

  /// Packs the entry.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    var object: [UInt8] = [UInt8(ascii: "{")]
    object.reserveCapacity(entry.line.count + 256)
    for name in names {
      guard let value = entry.extractedText(name) else { continue }
      appendJSONString(name.span, to: &object)
      object.append(UInt8(ascii: ":"))
      appendJSONString(entry.bytes.span.extracting(value), to: &object)
      object.append(UInt8(ascii: ","))
      entry.removeLabel(name)
    }
    object.append(contentsOf: "\"_entry\":".utf8)
    appendJSONString(entry.bytes.span.extracting(entry.line), to: &object)
    object.append(UInt8(ascii: "}"))
    entry.line = entry.append(object.span)
    if stampsAnew {
      // Two equal lines must not become one.
      entry.timestampNanoseconds = stamps.next(at: moment.wall)
    }
    return .pass
  }
}

/// Appends `text` as a JSON string; what is not UTF-8 becomes U+FFFD.
func appendJSONString(_ text: Span<UInt8>, to output: inout [UInt8]) {
  output.append(UInt8(ascii: "\""))
  if isUTF8(text) {
    appendEscaped(text, to: &output)
  } else {
    let repaired = Array(unsafe text.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }.utf8)
    appendEscaped(repaired.span, to: &output)
  }
  output.append(UInt8(ascii: "\""))
}

private func appendEscaped(_ text: Span<UInt8>, to output: inout [UInt8]) {
  for index in text.indices {
    let byte = text[index]
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
    case 0x0a: output.append(contentsOf: "\\n".utf8)
    case 0x0d: output.append(contentsOf: "\\r".utf8)
    case 0x09: output.append(contentsOf: "\\t".utf8)
    case 0..<0x20:
      output.append(contentsOf: "\\u00".utf8)
      output.append(contentsOf: [hexDigit(byte >> 4), hexDigit(byte & 15)])
    default: output.append(byte)
    }
  }
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
