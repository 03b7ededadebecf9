// SPDX-License-Identifier: Apache-2.0

/// Many samples that cross a module together, in flat buffers that can be used again without allocating.
///
/// A batch is written family by family:
///
/// ```swift
/// batch.family("node_load1", .gauge, help: "Load average over one minute.")
/// batch.append(0.42)
/// batch.family("node_disk_io_now", .gauge, help: "Requests in flight.")
/// batch.append("device", deviceName, value: 3)
/// ```
///
/// Series may also be copied in whole from packed labels, which is how they travel from stage to stage.
public struct SeriesBatch: Sendable {
  /// One sample of one series.
  public struct Row: Sendable {
    /// Where its packed labels (see `LabelSet`) stand in `labelBytes`.
    public var labels: Range<Int>
    /// The value's bits; a stale marker must not become a Double.
    public var valueBits: UInt64
    /// Milliseconds since 1970; nil until the scraper stamps it.
    public var timestampMilliseconds: Int64?
  }

  /// Where a family's name and help stand in `texts`.
  public struct FamilyRow: Sendable {
    /// The name.
    public var name: Range<Int>
    /// The explanation.
    public var help: Range<Int>
    /// The unit; empty where none was named.
    public var unit: Range<Int>
    /// The kind.
    public var type: MetricType
    /// The rows that belong to it.
    public var rows: Range<Int>
  }

  /// An exemplar that belongs to a row.
  public struct Exemplar: Sendable, Equatable {
    /// The index of the row.
    public var row: Int
    /// The exemplar's own labels.
    public var labels: LabelSet
    /// The value.
    public var value: Double
    /// Milliseconds since 1970; nil where the source gave none.
    public var timestampMilliseconds: Int64?

    /// An exemplar.
    public init(row: Int, labels: LabelSet, value: Double, timestampMilliseconds: Int64?) {
      self.row = row
      self.labels = labels
      self.value = value
      self.timestampMilliseconds = timestampMilliseconds
    }
  }

  /// The packed labels of all rows.
  public private(set) var labelBytes: [UInt8] = []
  /// The samples, in the order they were appended.
  public var rows: [Row] = []
  /// The names and helps of all families.
  public private(set) var texts: [UInt8] = []
  /// The families, in the order they were begun.
  public private(set) var families: [FamilyRow] = []
  /// Exemplars, few or none.
  public var exemplars: [Exemplar] = []

  private var pending: [PendingLabel] = []  // labels of the series being written, ranges into `scratch`
  private var scratch: [UInt8] = []

  private struct PendingLabel {
    var name: Range<Int>
    var value: Range<Int>
  }

  /// A batch without samples.
  public init() {}

  /// The number of samples.
  public var count: Int { rows.count }

  /// Forgets everything but keeps the buffers.
  public mutating func removeAll() {
    labelBytes.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
    texts.removeAll(keepingCapacity: true)
    families.removeAll(keepingCapacity: true)
    exemplars.removeAll(keepingCapacity: true)
  }

  /// Takes back everything appended since the batch had `count` rows; for a source that failed half way.
  public mutating func truncate(toRows count: Int) {
    guard count < rows.count else { return }
    labelBytes.removeSubrange(rows[count].labels.lowerBound...)
    rows.removeSubrange(count...)
    exemplars.removeAll { $0.row >= count }
    families.removeAll { $0.rows.lowerBound >= count }
    if let last = families.indices.last { families[last].rows = families[last].rows.clamped(to: 0..<count) }
  }

  // MARK: Families

  /// Begins a family; the series appended next belong to it and carry its name.
  public mutating func family(_ name: StaticString, _ type: MetricType, help: StaticString) {
    name.withUTF8Buffer { name in
      help.withUTF8Buffer { help in
        family(unsafe name.span, type, help: unsafe help.span)
      }
    }
  }

  /// Begins a family whose name is only known now.
  public mutating func family(_ name: Span<UInt8>, _ type: MetricType, help: Span<UInt8>) {
    families.append(
      FamilyRow(
        name: addText(name), help: addText(help), unit: texts.count..<texts.count, type: type,
        rows: rows.count..<rows.count))
  }

  /// Begins a family known by Strings.
  public mutating func family(_ family: MetricFamily) {
    self.family(Array(family.name.utf8).span, family.type, help: Array(family.help.utf8).span)
    if !family.unit.isEmpty { families[families.count - 1].unit = addText(Array(family.unit.utf8).span) }
  }

  /// Begins a family that is like one of `other`, another batch.
  public mutating func family(_ row: FamilyRow, of other: SeriesBatch) {
    let texts = other.texts.span
    family(texts.extracting(row.name), row.type, help: texts.extracting(row.help))
    families[families.count - 1].unit = addText(texts.extracting(row.unit))
  }

  /// The family at `index`, as Strings; for people, tests and the once-a-minute metadata.
  public func familyDescription(at index: Int) -> MetricFamily {
    let row = families[index]
    return MetricFamily(
      name: String(decoding: texts[row.name], as: UTF8.self), type: row.type,
      help: String(decoding: texts[row.help], as: UTF8.self), unit: String(decoding: texts[row.unit], as: UTF8.self))
  }

  private mutating func addText(_ bytes: Span<UInt8>) -> Range<Int> {
    let start = texts.count
    unsafe bytes.withUnsafeBufferPointer { unsafe texts.append(contentsOf: $0) }
    return start..<texts.count
  }

  // MARK: Series, label by label

  /// Adds a label to the series being written; an empty value means no label.
  public mutating func label(_ name: StaticString, _ value: Span<UInt8>) {
    name.withUTF8Buffer { label(unsafe $0.span, value) }
  }

  /// Adds a label to the series being written; an empty value means no label.
  public mutating func label(_ name: StaticString, _ value: StaticString) {
    value.withUTF8Buffer { label(name, unsafe $0.span) }
  }

  /// Adds a label to the series being written; an empty value means no label.
  public mutating func label(_ name: StaticString, _ value: String) {
    var value = value
    value.withUTF8 { label(name, unsafe $0.span) }
  }

  /// Adds a label to the series being written; an empty value means no label.
  public mutating func label(_ name: String, _ value: String) {
    var name = name
    var value = value
    name.withUTF8 { name in value.withUTF8 { label(unsafe name.span, unsafe $0.span) } }
  }

  /// Adds a label to the series being written; an empty value means no label.
  public mutating func label(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    guard !value.isEmpty else { return }
    let start = scratch.count
    unsafe name.withUnsafeBufferPointer { unsafe scratch.append(contentsOf: $0) }
    let middle = scratch.count
    unsafe value.withUnsafeBufferPointer { unsafe scratch.append(contentsOf: $0) }
    pending.append(PendingLabel(name: start..<middle, value: middle..<scratch.count))
  }

  /// Ends the series being written, named like its family plus `suffix`, with one sample.
  ///
  /// Labels may have been added in any order; of two with one name the later counts.
  public mutating func append(_ value: Double, suffix: StaticString = "") {
    append(bits: value.bitPattern, suffix: suffix)
  }

  /// Ends the series being written with a sample whose value is given as bits.
  public mutating func append(bits: UInt64, suffix: StaticString = "", timestampMilliseconds: Int64? = nil) {
    precondition(!families.isEmpty, "BUG: a series outside any family")
    let start = scratch.count
    unsafe scratch.append(
      contentsOf: UnsafeBufferPointer(start: nameLabel.utf8Start, count: nameLabel.utf8CodeUnitCount))
    let middle = scratch.count
    scratch.append(contentsOf: texts[families[families.count - 1].name])
    suffix.withUTF8Buffer { unsafe scratch.append(contentsOf: $0) }
    pending.append(PendingLabel(name: start..<middle, value: middle..<scratch.count))
    finishSeries(bits: bits, timestampMilliseconds: timestampMilliseconds)
  }

  /// Ends a series that was given all its labels, `__name__` included.
  public mutating func finishSeries(bits: UInt64, timestampMilliseconds: Int64? = nil) {
    sortPending()
    let start = labelBytes.count
    Self.pack(pending, of: scratch, into: &labelBytes)
    pending.removeAll(keepingCapacity: true)
    scratch.removeAll(keepingCapacity: true)
    addRow(labels: start..<labelBytes.count, bits: bits, timestampMilliseconds: timestampMilliseconds)
  }

  private static func pack(_ labels: [PendingLabel], of bytes: [UInt8], into packed: inout [UInt8]) {
    for label in labels {
      appendLengthPrefixed(bytes.span.extracting(label.name), to: &packed)
      appendLengthPrefixed(bytes.span.extracting(label.value), to: &packed)
    }
  }

  /// Drops the labels of the series being written.
  public mutating func abandonSeries() {
    pending.removeAll(keepingCapacity: true)
    scratch.removeAll(keepingCapacity: true)
  }

  /// Appends a sample of a family's series with one label.
  public mutating func append(_ name: StaticString, _ value: Span<UInt8>, value sample: Double) {
    label(name, value)
    append(sample)
  }

  /// Appends a sample of a family's series with one label.
  public mutating func append(_ name: StaticString, _ value: StaticString, value sample: Double) {
    label(name, value)
    append(sample)
  }

  /// Appends a sample of a family's series with one label.
  public mutating func append(_ name: StaticString, _ value: String, value sample: Double) {
    label(name, value)
    append(sample)
  }

  // MARK: Series, whole

  /// Appends a sample whose labels are already packed.
  public mutating func append(packedLabels: Span<UInt8>, bits: UInt64, timestampMilliseconds: Int64?) {
    let start = labelBytes.count
    unsafe packedLabels.withUnsafeBufferPointer { unsafe labelBytes.append(contentsOf: $0) }
    addRow(labels: start..<labelBytes.count, bits: bits, timestampMilliseconds: timestampMilliseconds)
  }

  /// The labels of row `index`; for people and tests.
  public func labels(at index: Int) -> LabelSet { LabelSet(packed: Array(labelBytes[rows[index].labels])) }

  private mutating func addRow(labels: Range<Int>, bits: UInt64, timestampMilliseconds: Int64?) {
    rows.append(Row(labels: labels, valueBits: bits, timestampMilliseconds: timestampMilliseconds))
    if let last = families.indices.last { families[last].rows = families[last].rows.lowerBound..<rows.count }
  }

  /// Insertion sort: series have a handful of labels and most arrive in order.
  private mutating func sortPending() {
    var index = 1
    while index < pending.count {
      let label = pending[index]
      var place = index
      while place > 0, order(pending[place - 1].name, label.name) > 0 {
        pending[place] = pending[place - 1]
        place -= 1
      }
      pending[place] = label
      if place > 0, order(pending[place - 1].name, label.name) == 0 {
        pending.remove(at: place - 1)
      } else {
        index += 1
      }
    }
  }

  private func order(_ left: Range<Int>, _ right: Range<Int>) -> Int {
    var (i, j) = (left.lowerBound, right.lowerBound)
    while i < left.upperBound, j < right.upperBound {
      if scratch[i] != scratch[j] { return Int(scratch[i]) - Int(scratch[j]) }
      i += 1
      j += 1
    }
    return left.count - right.count
  }
}

private let nameLabel: StaticString = "__name__"
