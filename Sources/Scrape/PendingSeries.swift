// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Bytes of a name or value: in the page, or in scratch where they had to be rewritten.
struct Piece: Sendable {
  var range: Range<Int>
  var isInScratch = false

  init(_ range: Range<Int>, inScratch: Bool = false) {
    self.range = range
    isInScratch = inScratch
  }

  var count: Int { range.count }

  @inline(__always)
  func with<Result>(_ page: Span<UInt8>, _ scratch: [UInt8], _ body: (Span<UInt8>) -> Result) -> Result {
    isInScratch ? body(scratch.span.extracting(range)) : body(page.extracting(range))
  }
}

/// The series the parser is in: its labels as pieces, then packed.
struct PendingSeries: Sendable {
  private static let nameLabel = Array("__name__".utf8)
  /// Up to here inserting one by one beats sorting; a page may send thousands.
  private static let fewLabels = 24

  private struct PendingLabel: Sendable {
    var name: Piece
    var value: Piece
  }

  /// The metric's name, once known.
  var name: Piece?
  /// What had to be rewritten; begins with `__name__`.
  private(set) var scratch = PendingSeries.nameLabel
  /// The result of `pack`.
  private(set) var packed: [UInt8] = []
  private var labels: [PendingLabel] = []

  mutating func reset() {
    name = nil
    if scratch.count > Self.nameLabel.count { scratch.removeSubrange(Self.nameLabel.count...) }
    labels.removeAll(keepingCapacity: true)
  }

  mutating func add(_ name: Piece, _ value: Piece) { labels.append(PendingLabel(name: name, value: value)) }

  /// The string in quotes at the cursor, without its quotes and escapes.
  mutating func quoted(_ page: Span<UInt8>, _ cursor: inout PageCursor, allowNewline: Bool) throws(PageCursor.Failure)
    -> Piece
  {
    cursor.index += 1
    let start = cursor.index
    var index = start
    var escapes = false
    var all: UInt8 = 0
    while index < page.count, page[index] != UInt8(ascii: "\"") {
      let byte = page[index]
      all |= byte
      if byte == UInt8(ascii: "\\") {
        escapes = true
        index += 1
      } else if byte == newline, !allowNewline {
        break
      }
      index += 1
    }
    guard index < page.count, page[index] == UInt8(ascii: "\"") else {
      throw cursor.failure("a string without closing quote")
    }
    cursor.index = index + 1
    if all >= 0x80 || escapes { return try rewritten(start..<index, page, cursor, escapes: escapes) }
    return Piece(start..<index)
  }

  private mutating func rewritten(_ range: Range<Int>, _ page: Span<UInt8>, _ cursor: PageCursor, escapes: Bool)
    throws(PageCursor.Failure) -> Piece
  {
    guard isUTF8(page.extracting(range)) else { throw cursor.failure("a string that is not UTF-8") }
    guard escapes else { return Piece(range) }
    let start = scratch.count
    appendUnescaped(page.extracting(range), unescapeQuotes: true, to: &scratch)
    return Piece(start..<scratch.count, inScratch: true)
  }

  /// A quoted name as `escaping` writes it.
  mutating func escaped(_ name: Piece, _ page: Span<UInt8>, _ escaping: NameEscaping, allowColon: Bool) -> Piece {
    if escaping == .allowUTF8 || name.with(page, scratch, { isLegacyName($0, allowColon: allowColon) }) { return name }
    let text = name.with(page, scratch) { String(copying: $0) }
    return rewritten(as: escaping.escape(text, allowColon: allowColon))
  }

  /// `value`, rewritten where it is a bucket's bound or a quantile.
  mutating func normalised(_ value: Piece, of name: Piece, in type: MetricType, _ page: Span<UInt8>) -> Piece {
    switch type {
    case .histogram: guard name.with(page, scratch, { equal($0, "le") }) else { return value }
    case .summary: guard name.with(page, scratch, { equal($0, "quantile") }) else { return value }
    default: return value
    }
    let written: String? = value.with(page, scratch) { text in
      guard let bits = parseFloat(text) else { return nil }
      return openMetricsText(Double(bitPattern: bits))
    }
    return written.map { rewritten(as: $0) } ?? value
  }

  private mutating func rewritten(as text: String) -> Piece {
    let start = scratch.count
    scratch.append(contentsOf: text.utf8)
    return Piece(start..<scratch.count, inScratch: true)
  }

  // MARK: Packing

  /// Sorts the labels, `__name__` among them where there is a name, and packs them.
  mutating func pack(_ page: Span<UInt8>, _ cursor: PageCursor, keepsEmptyValues: Bool) throws(PageCursor.Failure) {
    try cursor.checkLength()
    if let name { add(Piece(0..<Self.nameLabel.count, inScratch: true), name) }
    try sort(page, cursor)
    var bytes: [UInt8] = []
    swap(&bytes, &packed)
    bytes.removeAll(keepingCapacity: true)
    for label in labels where label.value.count > 0 || keepsEmptyValues {
      label.name.with(page, scratch) { appendLengthPrefixed($0, to: &bytes) }
      label.value.with(page, scratch) { appendLengthPrefixed($0, to: &bytes) }
    }
    swap(&bytes, &packed)
  }

  private mutating func sort(_ page: Span<UInt8>, _ cursor: PageCursor) throws(PageCursor.Failure) {
    if labels.count <= Self.fewLabels {
      insertOneByOne(page)
    } else {
      sortMany(page)
    }
    for index in labels.indices.dropFirst() where order(labels[index - 1].name, labels[index].name, page) == 0 {
      let name = labels[index].name.with(page, scratch) { String(copying: $0) }
      throw cursor.failure("label \(name) is given twice")
    }
  }

  private mutating func insertOneByOne(_ page: Span<UInt8>) {
    var index = 1
    while index < labels.count {
      let label = labels[index]
      var place = index
      while place > 0, order(labels[place - 1].name, label.name, page) > 0 {
        labels[place] = labels[place - 1]
        place -= 1
      }
      labels[place] = label
      index += 1
    }
  }

  private mutating func sortMany(_ page: Span<UInt8>) {
    let keys = labels.map { label in label.name.with(page, scratch) { bytes in copy(bytes) } }
    labels = labels.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }.map { labels[$0] }
  }

  private func order(_ left: Piece, _ right: Piece, _ page: Span<UInt8>) -> Int {
    left.with(page, scratch) { left in
      right.with(page, scratch) { right in
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
          return Int(left[index]) - Int(right[index])
        }
        return left.count - right.count
      }
    }
  }
}

private func copy(_ bytes: Span<UInt8>) -> [UInt8] { unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } }

extension String {
  /// The text of `bytes`.
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
