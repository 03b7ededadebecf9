// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// The family the parser is in: collected from HELP, TYPE and UNIT, begun in the batch with its first sample.
struct PendingFamily: Sendable {
  private(set) var type = MetricType.unknown
  private var name: [UInt8] = []
  private var help: [UInt8] = []
  private var unit: [UInt8] = []
  private var isOpen = false  // has a name
  private var hasBegun = false  // the batch knows it

  mutating func reset() {
    type = .unknown
    name.removeAll(keepingCapacity: true)
    help.removeAll(keepingCapacity: true)
    unit.removeAll(keepingCapacity: true)
    isOpen = false
    hasBegun = false
  }

  /// Metadata of the family called `wanted` follows.
  mutating func prepare(for wanted: Span<UInt8>, in batch: inout SeriesBatch) {
    if isOpen, !hasBegun, suffixStart(of: wanted) == wanted.count { return }
    begin(in: &batch)
    open(wanted)
  }

  /// A sample called `sample` follows: one of this family, or of a family that has no metadata.
  mutating func prepareForSample(named sample: Span<UInt8>, in batch: inout SeriesBatch) {
    if !owns(sample) {
      begin(in: &batch)
      open(sample)
    }
    begin(in: &batch)
  }

  /// Tells the batch, unless it knows.
  mutating func begin(in batch: inout SeriesBatch) {
    guard isOpen, !hasBegun else { return }
    hasBegun = true
    if unit.isEmpty {
      batch.family(name.span, type, help: help.span)
    } else {
      batch.family(
        MetricFamily(
          name: String(decoding: name, as: UTF8.self), type: type, help: String(decoding: help, as: UTF8.self),
          unit: String(decoding: unit, as: UTF8.self)))
    }
  }

  private mutating func open(_ wanted: Span<UInt8>) {
    reset()
    unsafe wanted.withUnsafeBufferPointer { unsafe name.append(contentsOf: $0) }
    isOpen = true
  }

  /// Where the family's name ends in `sample`; nil where it does not begin so.
  private func suffixStart(of sample: Span<UInt8>) -> Int? {
    guard sample.count >= name.count else { return nil }
    let name = name.span
    for index in 0..<name.count where sample[index] != name[index] { return nil }
    return name.count
  }

  private func owns(_ sample: Span<UInt8>) -> Bool {
    guard isOpen, let start = suffixStart(of: sample) else { return false }
    if start == sample.count { return true }
    let suffix = sample.extracting(start..<sample.count)
    switch type {
    case .counter: return equal(suffix, "_total") || equal(suffix, "_created")
    case .histogram:
      return equal(suffix, "_bucket") || equal(suffix, "_sum") || equal(suffix, "_count") || equal(suffix, "_created")
    case .summary: return equal(suffix, "_sum") || equal(suffix, "_count") || equal(suffix, "_created")
    case .gaugeHistogram: return equal(suffix, "_bucket") || equal(suffix, "_gsum") || equal(suffix, "_gcount")
    case .info: return equal(suffix, "_info")
    case .gauge, .stateSet, .unknown: return false
    }
  }

  // MARK: Metadata

  mutating func setHelp(_ text: Span<UInt8>, unescapeQuotes: Bool, at cursor: PageCursor) throws(PageCursor.Failure) {
    guard isUTF8(text) else { throw cursor.failure("a help text that is not UTF-8") }
    help.removeAll(keepingCapacity: true)
    appendUnescaped(text, unescapeQuotes: unescapeQuotes, to: &help)
  }

  /// False where `text` is no type of Prometheus text.
  mutating func setType(_ text: Span<UInt8>) -> Bool {
    if equal(text, "counter") {
      type = .counter
    } else if equal(text, "gauge") {
      type = .gauge
    } else if equal(text, "histogram") {
      type = .histogram
    } else if equal(text, "summary") {
      type = .summary
    } else if equal(text, "untyped") {
      type = .unknown
    } else {
      return false
    }
    return true
  }

  /// False where `text` is no type of OpenMetrics.
  mutating func setOpenMetricsType(_ text: Span<UInt8>) -> Bool {
    if equal(text, "unknown") {
      type = .unknown
    } else if equal(text, "gaugehistogram") {
      type = .gaugeHistogram
    } else if equal(text, "info") {
      type = .info
    } else if equal(text, "stateset") {
      type = .stateSet
    } else {
      return !equal(text, "untyped") && setType(text)
    }
    return true
  }

  /// False where the family's name does not end in `_` and the unit.
  mutating func setUnit(_ text: Span<UInt8>) -> Bool {
    guard isUTF8(text) else { return false }
    unit.removeAll(keepingCapacity: true)
    unsafe text.withUnsafeBufferPointer { unsafe unit.append(contentsOf: $0) }
    return unit.isEmpty || name.suffix(unit.count + 1).elementsEqual([UInt8(ascii: "_")] + unit)
  }
}

/// Whether `bytes` are UTF-8 through and through.
func isUTF8(_ bytes: Span<UInt8>) -> Bool { (try? UTF8Span(validating: bytes)) != nil }

/// Appends `text` with `\\`, `\n` and, where wanted, `\"` replaced; any other backslash stays as it is.
func appendUnescaped(_ text: Span<UInt8>, unescapeQuotes: Bool, to bytes: inout [UInt8]) {
  var index = 0
  while index < text.count {
    let byte = text[index]
    index += 1
    guard byte == UInt8(ascii: "\\"), index < text.count else {
      bytes.append(byte)
      continue
    }
    switch text[index] {
    case UInt8(ascii: "\\"): bytes.append(byte)
    case UInt8(ascii: "n"): bytes.append(newline)
    case UInt8(ascii: "\"") where unescapeQuotes: bytes.append(UInt8(ascii: "\""))
    default:
      bytes.append(byte)
      bytes.append(text[index])
    }
    index += 1
  }
}
