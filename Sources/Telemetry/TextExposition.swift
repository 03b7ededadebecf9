// SPDX-License-Identifier: Apache-2.0

/// Appends `batch` to `bytes` in Prometheus's text format, version 0.0.4: what `/metrics` answers.
///
/// Families are sorted by name, samples by labels (those of histograms and summaries stay as they were written). Of two
/// samples of one series the first is written, and of two families with one name but different types as well; families
/// without samples and samples outside families are left out. Timestamps and exemplars are not written.
public func writeExposition(_ batch: SeriesBatch, to bytes: inout [UInt8]) {
  let order = batch.families.indices.sorted { left, right in
    let (one, other) = (batch.families[left].name, batch.families[right].name)
    let before = compare(batch.texts[one], batch.texts[other])
    return before == 0 ? left < right : before < 0
  }
  var index = 0
  while index < order.count {
    let first = batch.families[order[index]]
    var rows: [Int] = []
    while index < order.count {
      let next = batch.families[order[index]]
      guard batch.texts[next.name] == batch.texts[first.name] else { break }
      if next.type == first.type { rows.append(contentsOf: next.rows) }
      index += 1
    }
    write(first, rows, of: batch, to: &bytes)
  }
}

private func write(_ family: SeriesBatch.FamilyRow, _ rows: [Int], of batch: SeriesBatch, to bytes: inout [UInt8]) {
  let rows = distinct(rows, of: batch, sorted: family.type != .histogram && family.type != .summary)
  guard !rows.isEmpty else { return }
  let name = batch.texts[family.name]
  if !family.help.isEmpty {
    bytes.append(contentsOf: "# HELP ".utf8)
    bytes.append(contentsOf: name)
    bytes.append(0x20)
    appendEscaped(batch.texts[family.help], quotes: false, to: &bytes)
    bytes.append(0x0a)
  }
  bytes.append(contentsOf: "# TYPE ".utf8)
  bytes.append(contentsOf: name)
  bytes.append(0x20)
  bytes.append(contentsOf: typeName(family.type).utf8)
  bytes.append(0x0a)
  for row in rows { writeSample(batch.rows[row], labels: batch.labelBytes, to: &bytes) }
}

private func distinct(_ rows: [Int], of batch: SeriesBatch, sorted: Bool) -> [Int] {
  var seen: Set<ArraySlice<UInt8>> = []
  let distinct = rows.filter { seen.insert(batch.labelBytes[batch.rows[$0].labels]).inserted }
  guard sorted else { return distinct }
  return distinct.sorted { compareLabels(batch, batch.rows[$0].labels, batch.rows[$1].labels) < 0 }
}

/// By the names and values of the labels, in turn.
private func compareLabels(_ batch: SeriesBatch, _ left: Range<Int>, _ right: Range<Int>) -> Int {
  var (i, j) = (left.lowerBound, right.lowerBound)
  while i < left.upperBound, j < right.upperBound {
    guard let one = readLabel(batch.labelBytes.span, at: &i), let other = readLabel(batch.labelBytes.span, at: &j)
    else { break }
    let names = compare(batch.labelBytes[one.name], batch.labelBytes[other.name])
    if names != 0 { return names }
    let values = compare(batch.labelBytes[one.value], batch.labelBytes[other.value])
    if values != 0 { return values }
  }
  return (left.upperBound - i) - (right.upperBound - j)
}

private func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
  if left.elementsEqual(right) { return 0 }
  return left.lexicographicallyPrecedes(right) ? -1 : 1
}

private func writeSample(_ row: SeriesBatch.Row, labels: [UInt8], to bytes: inout [UInt8]) {
  let own = labels[row.labels]
  var name: Range<Int>?
  var offset = own.startIndex
  while offset < own.endIndex, let label = readLabel(labels.span, at: &offset) {
    if labels[label.name].elementsEqual("__name__".utf8) { name = label.value }
  }
  if let name { bytes.append(contentsOf: labels[name]) }
  var opened = false
  offset = own.startIndex
  while offset < own.endIndex, let label = readLabel(labels.span, at: &offset) {
    if label.value == name { continue }
    bytes.append(opened ? 0x2c : 0x7b)
    opened = true
    bytes.append(contentsOf: labels[label.name])
    bytes.append(contentsOf: [0x3d, 0x22])
    appendEscaped(labels[label.value], quotes: true, to: &bytes)
    bytes.append(0x22)
  }
  if opened { bytes.append(0x7d) }
  bytes.append(0x20)
  appendGoFloat(Double(bitPattern: row.valueBits), to: &bytes)
  bytes.append(0x0a)
}

private func appendEscaped(_ text: ArraySlice<UInt8>, quotes: Bool, to bytes: inout [UInt8]) {
  for byte in text {
    switch byte {
    case 0x5c: bytes.append(contentsOf: [0x5c, 0x5c])
    case 0x0a: bytes.append(contentsOf: [0x5c, 0x6e])
    case 0x22 where quotes: bytes.append(contentsOf: [0x5c, 0x22])
    default: bytes.append(byte)
    }
  }
}

private func typeName(_ type: MetricType) -> String {
  switch type {
  case .counter: "counter"
  case .gauge, .info, .stateSet: "gauge"
  case .histogram, .gaugeHistogram: "histogram"
  case .summary: "summary"
  case .unknown: "untyped"
  }
}

/// Appends the fewest digits that give `value` back, laid out as Go's `%g` does: `0.5`, `118821.284256`, `2.287e+09`.
func appendGoFloat(_ value: Double, to bytes: inout [UInt8]) {
  if value.isNaN { return bytes.append(contentsOf: "NaN".utf8) }
  if value.isInfinite { return bytes.append(contentsOf: (value < 0 ? "-Inf" : "+Inf").utf8) }
  if value.sign == .minus { bytes.append(0x2d) }
  if value == 0 { return bytes.append(0x30) }
  let (digits, exponent) = shortestDigits(of: value.magnitude)
  if exponent < -4 || exponent >= 6 {
    appendScientific(digits, exponent, to: &bytes)
  } else if exponent < 0 {
    bytes.append(contentsOf: "0.".utf8)
    bytes.append(contentsOf: repeatElement(0x30, count: -exponent - 1))
    bytes.append(contentsOf: digits)
  } else {
    for place in 0...exponent { bytes.append(place < digits.count ? digits[place] : 0x30) }
    guard digits.count > exponent + 1 else { return }
    bytes.append(0x2e)
    bytes.append(contentsOf: digits[(exponent + 1)...])
  }
}

private func appendScientific(_ digits: [UInt8], _ exponent: Int, to bytes: inout [UInt8]) {
  bytes.append(digits[0])
  if digits.count > 1 {
    bytes.append(0x2e)
    bytes.append(contentsOf: digits[1...])
  }
  bytes.append(0x65)
  bytes.append(exponent < 0 ? 0x2d : 0x2b)
  if exponent.magnitude < 10 { bytes.append(0x30) }
  bytes.append(contentsOf: "\(exponent.magnitude)".utf8)
}

/// The fewest digits that give the positive `value` back, and the power of ten of the first.
///
/// Swift's own description has these digits (`0.00012`, `1.5e-07`, `118821.0`); only its layout differs.
private func shortestDigits(of value: Double) -> (digits: [UInt8], exponent: Int) {
  let text = Array(value.description.utf8)
  let mark = text.firstIndex(of: 0x65) ?? text.endIndex
  let written = mark < text.endIndex ? Int(String(decoding: text[(mark + 1)...], as: UTF8.self)) ?? 0 : 0
  let point = text[..<mark].firstIndex(of: 0x2e) ?? mark
  var digits = text[..<mark].filter { $0 != 0x2e }
  let leadingZeros = digits.prefix { $0 == 0x30 }.count
  digits.removeFirst(leadingZeros)
  while digits.last == 0x30 { digits.removeLast() }
  return (digits, written + point - 1 - leadingZeros)
}
