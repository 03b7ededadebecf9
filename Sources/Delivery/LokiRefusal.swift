// SPDX-License-Identifier: Apache-2.0

/// What Loki's 400 is about, read from its words; nothing else tells.
enum LokiRefusal: Equatable {
  /// So many entries, by themselves; the others are stored.
  case entries(Int)
  /// The labels of a stream, so that all its entries are refused; other streams are stored.
  case stream
  /// The rate: of so many entries some came too fast, beside others that were wrong. Those are lost if not sent again.
  case rate(Int)
  /// The request as a whole, or what none of these words tell: nothing is taken to be stored. Better a line twice than
  /// never.
  case request

  /// Reads `answer`, about a push of `entries`, of one stream or several.
  init(_ answer: String, entries: Int, isOneStream: Bool) {
    let text = Array(answer.lowercased().utf8)
    let ignored = min(ignoredEntries(text, of: isOneStream ? entries : nil), entries)
    if contains(text, "rate limit exceeded") {
      self = .rate(ignored)
    } else if contains(text, "total ignored: ") {
      self = .entries(ignored)
    } else if Self.aboutStreams.contains(where: { contains(text, $0) }) {
      self = .stream
    } else if Self.aboutEntries.contains(where: { contains(text, $0) }) {
      self = .entries(min(max(1, sum(in: text, before: " errors like: ")), entries))
    } else {
      self = .request
    }
  }

  private static let aboutStreams = [
    "label pair is required", "label names", "label name", "label value", "parse labels", "parsing labels",
  ]

  private static let aboutEntries = [
    "out of order", "too far behind", "too old", "too new", "max entry size", "structured metadata",
  ]
}

/// How many entries Loki says it left out: the numbers in `… total ignored: 3 out of 17 for stream …`. An answer that
/// names none is about one.
///
/// With `count`, the entries of the only stream: what Loki's first step has left out is not among the 17, and it is
/// said nowhere else. But a stream that Loki has sharded is told of one shard at a time.
func ignoredEntries(_ text: [UInt8], of count: Int? = nil) -> Int {
  let ignored = sum(in: text, after: "total ignored: ")
  let seen = sum(in: text, after: " out of ")
  guard let count, seen > 0, seen < count, !contains(text, "__stream_shard__") else { return max(ignored, 1) }
  return max(ignored + count - seen, 1)
}

func contains(_ text: String, _ phrase: String) -> Bool { contains(Array(text.utf8), phrase) }

private func contains(_ text: [UInt8], _ phrase: String) -> Bool {
  firstIndex(of: Array(phrase.utf8), in: text[...]) != nil
}

/// The numbers that follow `phrase`, wherever it stands.
private func sum(in text: [UInt8], after phrase: String) -> Int {
  let phrase = Array(phrase.utf8)
  var total = 0
  var rest = text[...]
  while let start = firstIndex(of: phrase, in: rest) {
    rest = rest[(start + phrase.count)...]
    total += number(rest.prefix(while: isDigit).prefix(9))
  }
  return total
}

/// The numbers that stand before `phrase`.
private func sum(in text: [UInt8], before phrase: String) -> Int {
  let phrase = Array(phrase.utf8)
  var total = 0
  var rest = text[...]
  while let start = firstIndex(of: phrase, in: rest) {
    total += number(rest[..<start].suffix(9).reversed().prefix(while: isDigit).reversed()[...])
    rest = rest[(start + phrase.count)...]
  }
  return total
}

private func number(_ digits: ArraySlice<UInt8>) -> Int { Int(String(decoding: digits, as: UTF8.self)) ?? 0 }

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func firstIndex(of phrase: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
  guard text.count >= phrase.count, let first = phrase.first else { return nil }
  return (text.startIndex...text.endIndex - phrase.count).first {
    text[$0] == first && text[$0..<$0 + phrase.count].elementsEqual(phrase)
  }
}
