// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Writes an entry as a JSON object of its fields, as journalctl does: a field that an entry has several times is an
/// array. What is no text is made text, so that every value is a string.
struct JournalJSON: Sendable {
  private struct Value: Sendable {
    var field: Int
    var text: Range<Int>
    /// The next value of the same field.
    var next: Int?
  }

  /// Of all values of one entry together.
  private static let mostBytes = 4 << 20

  private var names = LabelIndex()
  private var text: [UInt8] = []
  private var values: [Value] = []
  private var heads: [Int?] = []
  private var tails: [Int] = []
  private var changes: LineText.Changes = []

  init() {}

  /// Says that another entry follows, whose times in microseconds these are.
  mutating func beginEntry(realtime: UInt64, monotonic: UInt64) {
    names.removeAll()
    text.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    heads.removeAll(keepingCapacity: true)
    tails.removeAll(keepingCapacity: true)
    changes = []
    take(Array("__REALTIME_TIMESTAMP".utf8).span, Array(String(realtime).utf8).span)
    take(Array("__MONOTONIC_TIMESTAMP".utf8).span, Array(String(monotonic).utf8).span)
  }

  /// Takes a field of the entry.
  mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    guard text.count + value.count <= Self.mostBytes else { return changes = changes.union(.cut) }
    let (field, isNew) = names.find(name)
    let start = text.count
    changes.formUnion(LineText.append(value, to: &text))
    values.append(Value(field: field, text: start..<text.count))
    if isNew {
      heads.append(values.count - 1)
      tails.append(values.count - 1)
    } else {
      values[tails[field]].next = values.count - 1
      tails[field] = values.count - 1
    }
  }

  /// Appends the object to `buffer`. Where it would be longer than `limit`, its long values are cut, so that it stays
  /// an object.
  mutating func finish(limit: Int = LineText.limit, into buffer: inout [UInt8]) -> LineText.Changes {
    let start = buffer.count
    var valueLimit = limit
    while true {
      write(valueLimit: valueLimit, to: &buffer)
      guard buffer.count - start > limit, valueLimit > 16 else { return changes }
      buffer.removeLast(buffer.count - start)
      changes.insert(.cut)
      valueLimit /= 2
    }
  }

  private func write(valueLimit: Int, to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "{"))
    for (field, head) in heads.enumerated() {
      guard let head else { continue }
      if field > 0 { buffer.append(UInt8(ascii: ",")) }
      appendString(names.bytes.span.extracting(names.range(of: field)), to: &buffer)
      buffer.append(UInt8(ascii: ":"))
      writeValues(from: head, valueLimit, to: &buffer)
    }
    buffer.append(UInt8(ascii: "}"))
  }

  private func writeValues(from head: Int, _ valueLimit: Int, to buffer: inout [UInt8]) {
    let isArray = values[head].next != nil
    if isArray { buffer.append(UInt8(ascii: "[")) }
    var place: Int? = head
    while let value = place {
      if value != head { buffer.append(UInt8(ascii: ",")) }
      let whole = text.span.extracting(values[value].text)
      if whole.count <= valueLimit {
        appendString(whole, to: &buffer)
      } else {
        var shortened: [UInt8] = []
        _ = LineText.append(whole, limit: valueLimit, to: &shortened)
        appendString(shortened.span, to: &buffer)
      }
      place = values[value].next
    }
    if isArray { buffer.append(UInt8(ascii: "]")) }
  }
}

/// Appends valid UTF-8 as a JSON string, quotes included.
private func appendString(_ text: Span<UInt8>, to buffer: inout [UInt8]) {
  buffer.append(UInt8(ascii: "\""))
  var start = 0
  for index in 0..<text.count where text[index] < 0x20 || text[index] == 0x22 || text[index] == 0x5c {
    appendBytes(text.extracting(start..<index), to: &buffer)
    appendEscape(text[index], to: &buffer)
    start = index + 1
  }
  appendBytes(text.extracting(start..<text.count), to: &buffer)
  buffer.append(UInt8(ascii: "\""))
}

private func appendBytes(_ bytes: Span<UInt8>, to buffer: inout [UInt8]) {
  unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
}

private func appendEscape(_ byte: UInt8, to buffer: inout [UInt8]) {
  buffer.append(UInt8(ascii: "\\"))
  switch byte {
  case 0x22, 0x5c: buffer.append(byte)
  case 0x0a: buffer.append(UInt8(ascii: "n"))
  case 0x0d: buffer.append(UInt8(ascii: "r"))
  case 0x09: buffer.append(UInt8(ascii: "t"))
  default:
    buffer.append(contentsOf: Array("u00".utf8))
    for digit in [byte >> 4, byte & 0xf] {
      buffer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
