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
  /// Holds the result of `pack` in its first `packedCount` bytes.
  private(set) var buffer: [UInt8] = []
  private(set) var packedCount = 0
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
    switch value.with(page, scratch, { NumberForm($0) }) {
    case .normal: return value
    case .whole: return withPointZero(value, page)
    case .other:
      let bits = value.with(page, scratch) { parseFloat($0) }
      return bits.map { rewritten(as: openMetricsText(Double(bitPattern: $0))) } ?? value
    }
  }

  private mutating func withPointZero(_ value: Piece, _ page: Span<UInt8>) -> Piece {
    let start = scratch.count
    for index in value.range { scratch.append(value.isInScratch ? scratch[index] : page[index]) }
    scratch.append(UInt8(ascii: "."))
    scratch.append(UInt8(ascii: "0"))
    return Piece(start..<scratch.count, inScratch: true)
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
    if labels.count <= Self.fewLabels {
      try insertOneByOne(page, cursor)
    } else {
      try sortMany(page, cursor)
    }
    write(page, keepsEmptyValues: keepsEmptyValues)
  }

  /// Into a buffer that is known to be large enough: appending piece by piece made the parser a fifth slower.
  private mutating func write(_ page: Span<UInt8>, keepsEmptyValues: Bool) {
    let longestVarint = 5
    let most = labels.reduce(0) { $0 + $1.name.count + $1.value.count + 2 * longestVarint }
    if buffer.count < most { buffer = Array(repeating: 0, count: most * 2) }
    var bytes: [UInt8] = []
    swap(&bytes, &buffer)
    var count = 0
    unsafe bytes.withUnsafeMutableBytes { bytes in
      for label in labels where label.value.count > 0 || keepsEmptyValues {
        label.name.with(page, scratch) { count = unsafe store($0, into: bytes, at: count) }
        label.value.with(page, scratch) { count = unsafe store($0, into: bytes, at: count) }
      }
    }
    swap(&bytes, &buffer)
    packedCount = count
  }

  private mutating func insertOneByOne(_ page: Span<UInt8>, _ cursor: PageCursor) throws(PageCursor.Failure) {
    var index = 1
    while index < labels.count {
      let label = labels[index]
      var place = index
      while place > 0 {
        let order = order(labels[place - 1].name, label.name, page)
        if order == 0 { throw twice(label, page, cursor) }
        guard order > 0 else { break }
        labels[place] = labels[place - 1]
        place -= 1
      }
      if place < index { labels[place] = label }
      index += 1
    }
  }

  private func twice(_ label: PendingLabel, _ page: Span<UInt8>, _ cursor: PageCursor) -> PageCursor.Failure {
    cursor.failure("label \(label.name.with(page, scratch) { String(copying: $0) }) is given twice")
  }

  private mutating func sortMany(_ page: Span<UInt8>, _ cursor: PageCursor) throws(PageCursor.Failure) {
    let keys = labels.map { label in label.name.with(page, scratch) { bytes in copy(bytes) } }
    labels = labels.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }.map { labels[$0] }
    for index in labels.indices.dropFirst() where order(labels[index - 1].name, labels[index].name, page) == 0 {
      throw twice(labels[index], page, cursor)
    }
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

/// Stores `bytes` with their length before them; the caller has seen to it that they fit. Returns where they end.
private func store(_ bytes: Span<UInt8>, into buffer: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
  var place = start
  var length = bytes.count
  while length >= 0x80 {
    unsafe buffer[place] = UInt8(truncatingIfNeeded: length) | 0x80
    length >>= 7
    place += 1
  }
  unsafe buffer[place] = UInt8(length)
  place += 1
  unsafe bytes.withUnsafeBytes { bytes in
    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[place...]).copyMemory(from: bytes)
  }
  return place + bytes.count
}

private func copy(_ bytes: Span<UInt8>) -> [UInt8] { unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } }

extension String {
  /// The text of `bytes`.
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
