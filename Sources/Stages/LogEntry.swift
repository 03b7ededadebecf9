// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// An entry while stages work on it.
///
/// All its text (line, labels, metadata, what was extracted) lies in `bytes`, which only grows, and is passed around as
/// ranges of it; so giving the line's tail another name copies nothing, and a range stays what it was:
///
/// ```swift
/// let line = entry.bytes.span.extracting(entry.line)   // read
/// entry.setExtracted(name, to: .text(4..<9))           // bytes 4 to 8 of `bytes`
/// let start = entry.bytes.count                        // write new text: append it, then use its range
/// entry.bytes.append(contentsOf: greeting)
/// entry.line = start..<entry.bytes.count
/// ```
///
/// The same value serves one entry after the other, so nothing is allocated for a line once its buffers have grown.
/// To copy from `bytes` to their end use `appendCopy(of:)`: `bytes.append(contentsOf: bytes[range])` would copy them all.
public struct LogEntry: Sendable {
  private struct ExtractedSlot: Sendable {
    var name: Range<Int>
    var value: ExtractedValue?
  }

  /// All text of the entry. Stages append; they never change or remove what is there.
  public var bytes: [UInt8] = []
  /// Where the line stands in `bytes`.
  public var line: Range<Int> = 0..<0
  /// Nanoseconds since 1970.
  public var timestampNanoseconds: Int64 = 0

  /// The lines in it, by their number within the source: several where lines were joined.
  var tickets: [Int] = []
  /// The pipeline's number of its source.
  var source = -1
  /// The index of its labels in the batch being processed, for as long as they are not changed; negative for none.
  var inputLabels: Int32 = -1

  private var labels = LabelSlots()
  private var metadata = LabelSlots()
  private var initialLabels = 0..<0  // the first of `bytes`
  private var extractedSlots: [ExtractedSlot] = []

  /// An entry without anything.
  public init() {}

  /// Begins anew with an entry as it came in.
  public mutating func load(
    line: Span<UInt8>, labels: Span<UInt8>, metadata: Span<UInt8> = Span(), timestampNanoseconds: Int64
  ) {
    extractedSlots.removeAll(keepingCapacity: true)
    tickets.removeAll(keepingCapacity: true)
    if equal(bytes.span.extracting(initialLabels), labels) {
      // Mostly they are those of the entry before, and stand where they stood.
      bytes.removeSubrange(initialLabels.upperBound...)
      self.labels.reload()
    } else {
      bytes.removeAll(keepingCapacity: true)
      initialLabels = append(labels)
      self.labels.load(initialLabels, of: bytes)
    }
    self.metadata.load(append(metadata), of: bytes)
    self.line = append(line)
    self.timestampNanoseconds = timestampNanoseconds
    source = -1
    inputLabels = -1
  }

  /// Begins anew with an entry of `batch`.
  mutating func load(_ place: LogBatch.Entry, of batch: LogBatch) {
    let labels = batch.labelSets[Int(place.labels)].packed
    load(
      line: batch.bytes.span.extracting(place.line), labels: labels.span,
      metadata: batch.bytes.span.extracting(place.metadata), timestampNanoseconds: place.timestampNanoseconds)
    inputLabels = place.labels
  }

  /// Roughly what it takes in memory.
  var memoryBytes: Int { bytes.count + (labels.slots.count + extractedSlots.count) * 40 + tickets.count * 8 + 200 }

  // MARK: Text

  /// Copies `text` to the end of `bytes`; returns where it stands.
  public mutating func append(_ text: Span<UInt8>) -> Range<Int> {
    let start = bytes.count
    guard !text.isEmpty else { return start..<start }
    unsafe text.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    return start..<bytes.count
  }

  /// Copies what stands at `range` of `bytes` to their end; returns where it stands.
  @discardableResult public mutating func appendCopy(of range: Range<Int>) -> Range<Int> {
    precondition(range.upperBound <= bytes.count, "BUG: a range of another entry")
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: range.count))
    // Both are in bounds: one was checked, the other was just made.
    unsafe bytes.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe (base + start).copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }
    return start..<bytes.count
  }

  /// Where the text of `value` stands, written to the end of `bytes` unless it is text already: numbers in plain decimal
  /// without exponent, `true` and `false`. Nil for null.
  public mutating func text(of value: ExtractedValue) -> Range<Int>? {
    let start = bytes.count
    switch value {
    case .text(let range): return range
    case .number(let number): appendDecimal(number, to: &bytes)
    case .bool(let bool): bytes.append(contentsOf: bool ? "true".utf8 : "false".utf8)
    case .null: return nil
    }
    return start..<bytes.count
  }

  // MARK: What was extracted

  /// What was extracted as `name`; at first all labels of the entry are. Nil for what is not there.
  public func extracted(_ name: Span<UInt8>) -> ExtractedValue? {
    if let index = extractedIndex(of: name) { return extractedSlots[index].value }
    return initialLabel(name).map { .text($0) }
  }

  /// The text of what was extracted as `name`; nil when it is not there or null.
  public mutating func extractedText(_ name: [UInt8]) -> Range<Int>? {
    guard let value = extracted(name.span) else { return nil }
    return text(of: value)
  }

  /// Sets what is extracted as `name`. Only so many names are taken from one line that looking them up stays quick.
  public mutating func setExtracted(_ name: [UInt8], to value: ExtractedValue) {
    if let index = extractedIndex(of: name.span) { return extractedSlots[index].value = value }
    guard extractedSlots.count < LabelSlots.limit else { return }
    let name = append(name.span)
    extractedSlots.append(ExtractedSlot(name: name, value: value))
  }

  /// Sets what is extracted under the name that stands at `name` of `bytes`.
  public mutating func setExtracted(nameAt name: Range<Int>, to value: ExtractedValue) {
    if !extractedSlots.isEmpty, let index = extractedIndex(of: bytes.span.extracting(name)) {
      return extractedSlots[index].value = value
    }
    guard extractedSlots.count < LabelSlots.limit else { return }
    extractedSlots.append(ExtractedSlot(name: name, value: value))
  }

  /// Forgets what was extracted as `name`.
  public mutating func removeExtracted(_ name: [UInt8]) {
    if let index = extractedIndex(of: name.span) { return extractedSlots[index].value = nil }
    guard initialLabel(name.span) != nil, extractedSlots.count < LabelSlots.limit else { return }
    let name = append(name.span)
    extractedSlots.append(ExtractedSlot(name: name, value: nil))
  }

  /// Calls `body` with each extracted name and value, labels the entry came with included, in no particular order.
  public func forEachExtracted(_ body: (_ name: Range<Int>, _ value: ExtractedValue) -> Void) {
    for slot in extractedSlots {
      if let value = slot.value { body(slot.name, value) }
    }
    var offset = initialLabels.lowerBound
    while offset < initialLabels.upperBound, let label = readLabel(bytes.span, at: &offset) {
      if extractedIndex(of: bytes.span.extracting(label.name)) == nil { body(label.name, .text(label.value)) }
    }
  }

  /// Sets all labels as extracted, as they are now: what a nested pipeline begins with.
  mutating func extractLabels() {
    for slot in labels.slots { setExtracted(nameAt: slot.name, to: .text(slot.value)) }
  }

  private func extractedIndex(of name: Span<UInt8>) -> Int? {
    let span = bytes.span
    for index in extractedSlots.indices where equal(span.extracting(extractedSlots[index].name), name) { return index }
    return nil
  }

  private func initialLabel(_ name: Span<UInt8>) -> Range<Int>? {
    let span = bytes.span
    var offset = initialLabels.lowerBound
    while offset < initialLabels.upperBound, let label = readLabel(span, at: &offset) {
      if equal(span.extracting(label.name), name) { return label.value }
    }
    return nil
  }

  // MARK: Labels

  /// How many labels there are.
  public var labelCount: Int { labels.slots.count }

  /// Where name and value of label `index` stand, in no particular order.
  public func label(at index: Int) -> (name: Range<Int>, value: Range<Int>) {
    (labels.slots[index].name, labels.slots[index].value)
  }

  /// Where the value of label `name` stands.
  public func label(_ name: [UInt8]) -> Range<Int>? {
    labels.index(of: name.span, in: bytes).map { labels.slots[$0].value }
  }

  /// Sets label `name` to the text at `value`; an empty one removes it.
  public mutating func setLabel(_ name: [UInt8], to value: Range<Int>) {
    if let index = labels.index(of: name.span, in: bytes) { return setLabel(at: index, to: value) }
    guard !value.isEmpty else { return }
    let name = append(name.span)
    labels.append(name, value)
  }

  /// Sets the label whose name stands at `name` of `bytes`; an empty value removes it.
  public mutating func setLabel(nameAt name: Range<Int>, to value: Range<Int>) {
    if let index = labels.index(of: bytes.span.extracting(name), in: bytes) { return setLabel(at: index, to: value) }
    if !value.isEmpty { labels.append(name, value) }
  }

  private mutating func setLabel(at index: Int, to value: Range<Int>) {
    guard !value.isEmpty else { return labels.remove(at: index) }
    guard !equal(bytes.span.extracting(labels.slots[index].value), bytes.span.extracting(value)) else { return }
    labels.set(index, to: value)
  }

  /// Removes label `name`.
  public mutating func removeLabel(_ name: [UInt8]) {
    if let index = labels.index(of: name.span, in: bytes) { labels.remove(at: index) }
  }

  /// Removes label `index`; those after it move up.
  public mutating func removeLabel(at index: Int) { labels.remove(at: index) }

  /// Whether labels are what they were when the entry came in.
  var areLabelsUnchanged: Bool { !labels.isChanged }

  /// Appends the packed labels (see `LabelSet`) to `output`.
  public mutating func packLabels(into output: inout [UInt8]) { labels.pack(bytes, into: &output) }

  // MARK: Structured metadata

  /// Where the value of structured metadata `name` stands.
  public func metadata(_ name: [UInt8]) -> Range<Int>? {
    metadata.index(of: name.span, in: bytes).map { metadata.slots[$0].value }
  }

  /// Sets structured metadata; an empty value removes it.
  public mutating func setMetadata(_ name: [UInt8], to value: Range<Int>) {
    let name = append(name.span)
    setMetadata(nameAt: name, to: value)
  }

  /// Sets the structured metadata whose name stands at `name` of `bytes`; an empty value removes it.
  public mutating func setMetadata(nameAt name: Range<Int>, to value: Range<Int>) {
    guard let index = metadata.index(of: bytes.span.extracting(name), in: bytes) else {
      if !value.isEmpty { metadata.append(name, value) }
      return
    }
    if value.isEmpty { metadata.remove(at: index) } else { metadata.set(index, to: value) }
  }

  /// Removes structured metadata `name`.
  public mutating func removeMetadata(_ name: [UInt8]) {
    if let index = metadata.index(of: name.span, in: bytes) { metadata.remove(at: index) }
  }

  /// Appends the packed structured metadata to `output`.
  public mutating func packMetadata(into output: inout [UInt8]) { metadata.pack(bytes, into: &output) }
}
