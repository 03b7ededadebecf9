// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// Reads a page of Prometheus text or OpenMetrics into a batch, as Prometheus reads it.
///
/// One pass, no String per sample. Every series keeps the name the page gives it (`_total`, `_bucket`, …); `le` and
/// `quantile` are written the OpenMetrics way; an untyped series becomes a family of type unknown. Rows get a timestamp
/// only where the page has one. The parser keeps its buffers, so use one for many pages.
public struct ExpositionParser: Sendable {
  /// Bytes from the beginning of a sample or comment to its end; nothing that is meant to be a metric is longer.
  public static let longestLine = 1 << 20

  private let format: ExpositionFormat
  private let escaping: NameEscaping
  private let keepsEmptyValues: Bool
  private var family = PendingFamily()
  private var series = PendingSeries()

  /// A parser for pages in `format`.
  ///
  /// With `keepsEmptyValues`, rows hold labels with empty values too, which packed labels otherwise never do: under
  /// `honor_labels`, `instance=""` says that the series shall have no `instance`. `SampleAppender` knows what to do.
  public init(format: ExpositionFormat, escaping: NameEscaping = .underscores, keepsEmptyValues: Bool = false) {
    self.format = format
    self.escaping = escaping
    self.keepsEmptyValues = keepsEmptyValues
  }

  /// Appends the samples, families and exemplars of `page` to `batch`; where it throws, `batch` holds what was read
  /// before the error was found.
  public mutating func parse(_ page: Span<UInt8>, into batch: inout SeriesBatch) throws(ExpositionError) {
    family.reset()
    var cursor = PageCursor()
    var ended = false
    do throws(PageCursor.Failure) {
      while cursor.index < page.count, !ended {
        cursor.beginLine()
        switch format {
        case .prometheusText: try textLine(page, &cursor, into: &batch)
        case .openMetrics: ended = try openMetricsLine(page, &cursor, into: &batch)
        }
      }
      if format == .openMetrics {
        guard ended else { throw cursor.failure("the page does not end with # EOF") }
        guard cursor.index == page.count else { throw cursor.failure("there is data after # EOF") }
      }
    } catch {
      throw ExpositionError(line: lineNumber(of: error.index, in: page), reason: error.reason)
    }
    family.begin(in: &batch)
  }

  private func lineNumber(of index: Int, in page: Span<UInt8>) -> Int {
    var line = 1
    for place in 0..<min(index, page.count) where page[place] == newline { line += 1 }
    return line
  }

  // MARK: Prometheus text

  private mutating func textLine(_ page: Span<UInt8>, _ cursor: inout PageCursor, into batch: inout SeriesBatch)
    throws(PageCursor.Failure)
  {
    cursor.skipBlanks(page)
    guard let byte = cursor.peek(page) else { return }
    switch byte {
    case newline: cursor.index += 1
    case UInt8(ascii: "#"): try textComment(page, &cursor, into: &batch)
    default: try textSample(page, &cursor, into: &batch)
    }
  }

  private mutating func textComment(_ page: Span<UInt8>, _ cursor: inout PageCursor, into batch: inout SeriesBatch)
    throws(PageCursor.Failure)
  {
    cursor.index += 1
    let spaced = cursor.skipBlanks(page)
    let word = cursor.takeWord(page)
    let isHelp = equal(page.extracting(word), "HELP")
    guard spaced, isHelp || equal(page.extracting(word), "TYPE"), cursor.skipBlanks(page) else {
      try cursor.skipLine(page)
      return
    }
    let name = try metadataName(page, &cursor)
    cursor.skipBlanks(page)
    let text = try cursor.takeLine(page)
    name.with(page, series.scratch) { family.prepare(for: $0, in: &batch) }
    if isHelp {
      try family.setHelp(page.extracting(text), unescapeQuotes: false, at: cursor)
    } else {
      guard family.setType(page.extracting(trimmed(text, page))) else { throw cursor.failure("unknown metric type") }
    }
  }

  private mutating func textSample(_ page: Span<UInt8>, _ cursor: inout PageCursor, into batch: inout SeriesBatch)
    throws(PageCursor.Failure)
  {
    try seriesName(page, &cursor)
    cursor.skipBlanks(page)
    if cursor.peek(page) == UInt8(ascii: "{") {
      try labels(page, &cursor)
      cursor.skipBlanks(page)
    }
    guard let value = parseFloat(page.extracting(cursor.takeWord(page))) else {
      throw cursor.failure("expected a number as value")
    }
    var timestamp: Int64?
    if cursor.skipBlanks(page), let byte = cursor.peek(page), byte != newline {
      timestamp = parseInteger(page.extracting(cursor.takeWord(page)))
      guard timestamp != nil else {
        throw cursor.failure("expected a timestamp in milliseconds or the end of the line")
      }
      cursor.skipBlanks(page)
    }
    try cursor.endLine(page)
    try finish(page, cursor, bits: value, timestamp: timestamp, into: &batch)
  }

  // MARK: OpenMetrics

  /// True at `# EOF`.
  private mutating func openMetricsLine(
    _ page: Span<UInt8>, _ cursor: inout PageCursor, into batch: inout SeriesBatch
  ) throws(PageCursor.Failure) -> Bool {
    guard cursor.peek(page) == UInt8(ascii: "#") else {
      try openMetricsSample(page, &cursor, into: &batch)
      return false
    }
    cursor.index += 1
    guard cursor.take(UInt8(ascii: " "), page) else { throw cursor.failure("expected a space after #") }
    let word = page.extracting(cursor.takeWord(page))
    if equal(word, "EOF") {
      if cursor.index < page.count { try cursor.endLine(page) }
      return true
    }
    guard equal(word, "HELP") || equal(word, "TYPE") || equal(word, "UNIT") else {
      throw cursor.failure("OpenMetrics allows only HELP, TYPE, UNIT and EOF after #")
    }
    guard cursor.take(UInt8(ascii: " "), page) else { throw cursor.failure("expected a metric name") }
    let name = try metadataName(page, &cursor)
    let text: Range<Int>
    if cursor.take(UInt8(ascii: " "), page) {
      text = try cursor.takeLine(page)
    } else {
      text = cursor.index..<cursor.index
      try cursor.endLine(page)
    }
    try openMetricsMetadata(word, name, page.extracting(text), page, cursor, into: &batch)
    return false
  }

  private mutating func openMetricsMetadata(
    _ word: Span<UInt8>, _ name: Piece, _ text: Span<UInt8>, _ page: Span<UInt8>, _ cursor: PageCursor,
    into batch: inout SeriesBatch
  ) throws(PageCursor.Failure) {
    name.with(page, series.scratch) { family.prepare(for: $0, in: &batch) }
    if equal(word, "HELP") {
      try family.setHelp(text, unescapeQuotes: true, at: cursor)
    } else if equal(word, "TYPE") {
      guard family.setOpenMetricsType(text) else { throw cursor.failure("unknown metric type") }
    } else {
      guard family.setUnit(text) else { throw cursor.failure("the unit is not the end of the metric's name") }
    }
  }

  private mutating func openMetricsSample(
    _ page: Span<UInt8>, _ cursor: inout PageCursor, into batch: inout SeriesBatch
  ) throws(PageCursor.Failure) {
    try seriesName(page, &cursor)
    if cursor.peek(page) == UInt8(ascii: "{") { try labels(page, &cursor) }
    let bits = try openMetricsNumber(page, &cursor, "expected a space and a number as value")
    let timestamp = try openMetricsTimestamp(page, &cursor)
    try finish(page, cursor, bits: bits, timestamp: timestamp, into: &batch)
    if equal(page, from: cursor.index, " # {") {
      cursor.index += 3
      try exemplar(page, &cursor, of: batch.count - 1, into: &batch)
    }
    try cursor.endLine(page)
  }

  private func openMetricsNumber(_ page: Span<UInt8>, _ cursor: inout PageCursor, _ expectation: StaticString)
    throws(PageCursor.Failure) -> UInt64
  {
    guard cursor.take(UInt8(ascii: " "), page), let bits = parseFloat(page.extracting(cursor.takeWord(page))) else {
      throw cursor.failure("\(expectation)")
    }
    return bits
  }

  /// ` 1700000000.123`, if there is one: seconds.
  private func openMetricsTimestamp(_ page: Span<UInt8>, _ cursor: inout PageCursor) throws(PageCursor.Failure)
    -> Int64?
  {
    guard cursor.peek(page) == UInt8(ascii: " "), !equal(page, from: cursor.index, " # ") else { return nil }
    let bits = try openMetricsNumber(page, &cursor, "expected a timestamp in seconds")
    let milliseconds = Double(bitPattern: bits) * 1000
    guard let timestamp = Int64(exactly: milliseconds.rounded(.towardZero)) else {
      throw cursor.failure("a timestamp out of range")
    }
    return timestamp
  }

  private mutating func exemplar(
    _ page: Span<UInt8>, _ cursor: inout PageCursor, of row: Int, into batch: inout SeriesBatch
  ) throws(PageCursor.Failure) {
    series.reset()
    try labels(page, &cursor)
    guard series.name == nil else { throw cursor.failure("an exemplar has no metric name") }
    let bits = try openMetricsNumber(page, &cursor, "expected a space and a number as the exemplar's value")
    let timestamp = try openMetricsTimestamp(page, &cursor)
    try series.pack(page, cursor, keepsEmptyValues: false)
    batch.exemplars.append(
      SeriesBatch.Exemplar(
        row: row, labels: LabelSet(packed: Array(series.buffer.prefix(series.packedCount))),
        value: Double(bitPattern: bits),
        timestampMilliseconds: timestamp))
  }

  // MARK: Both

  private mutating func seriesName(_ page: Span<UInt8>, _ cursor: inout PageCursor) throws(PageCursor.Failure) {
    series.reset()
    let name = cursor.takeName(page, allowColon: true)
    if !name.isEmpty {
      series.name = Piece(name)
    } else if cursor.peek(page) != UInt8(ascii: "{") {
      throw cursor.failure("expected a metric name")
    }
  }

  private mutating func metadataName(_ page: Span<UInt8>, _ cursor: inout PageCursor) throws(PageCursor.Failure)
    -> Piece
  {
    series.reset()
    if cursor.peek(page) == UInt8(ascii: "\"") {
      let name = try series.quoted(page, &cursor, allowNewline: false)
      return series.escaped(name, page, escaping, allowColon: true)
    }
    let name = cursor.takeName(page, allowColon: true)
    guard !name.isEmpty else { throw cursor.failure("expected a metric name") }
    return Piece(name)
  }

  /// `{a="b","quoted.name"="c"}`, or with the metric's name in it: `{"metric.name",a="b"}`.
  private mutating func labels(_ page: Span<UInt8>, _ cursor: inout PageCursor) throws(PageCursor.Failure) {
    let lenient = format == .prometheusText
    cursor.index += 1
    while true {
      if lenient { cursor.skipBlanks(page) }
      if cursor.take(UInt8(ascii: "}"), page) { return }
      let isQuoted = cursor.peek(page) == UInt8(ascii: "\"")
      let name =
        isQuoted
        ? try series.quoted(page, &cursor, allowNewline: lenient)
        : Piece(cursor.takeName(page, allowColon: false))
      guard isQuoted || name.count > 0 else { throw cursor.failure("expected a label name or }") }
      if lenient { cursor.skipBlanks(page) }
      if cursor.take(UInt8(ascii: "="), page) {
        if lenient { cursor.skipBlanks(page) }
        try labelValue(of: name, isQuoted: isQuoted, page, &cursor)
        if lenient { cursor.skipBlanks(page) }
      } else {
        guard isQuoted else { throw cursor.failure("expected = after a label name") }
        guard series.name == nil else { throw cursor.failure("the metric has two names") }
        series.name = series.escaped(name, page, escaping, allowColon: true)
      }
      // Prometheus text may leave commas out; OpenMetrics may not.
      if !cursor.take(UInt8(ascii: ","), page), !lenient, cursor.peek(page) != UInt8(ascii: "}") {
        throw cursor.failure("expected , or } after a label")
      }
    }
  }

  private mutating func labelValue(
    of name: Piece, isQuoted: Bool, _ page: Span<UInt8>, _ cursor: inout PageCursor
  ) throws(PageCursor.Failure) {
    guard cursor.peek(page) == UInt8(ascii: "\"") else { throw cursor.failure("expected a label value in quotes") }
    let value = try series.quoted(page, &cursor, allowNewline: format == .prometheusText)
    let name = isQuoted ? series.escaped(name, page, escaping, allowColon: false) : name
    guard name.count > 0 else { throw cursor.failure("a label without name") }
    series.add(name, series.normalised(value, of: name, in: family.type, page))
  }

  private mutating func finish(
    _ page: Span<UInt8>, _ cursor: PageCursor, bits: UInt64, timestamp: Int64?, into batch: inout SeriesBatch
  ) throws(PageCursor.Failure) {
    guard let name = series.name, name.count > 0 else { throw cursor.failure("a sample without metric name") }
    try series.pack(page, cursor, keepsEmptyValues: keepsEmptyValues)
    name.with(page, series.scratch) { family.prepareForSample(named: $0, in: &batch) }
    batch.append(
      packedLabels: series.buffer.span.extracting(first: series.packedCount), bits: bits,
      timestampMilliseconds: timestamp)
  }
}
