// SPDX-License-Identifier: Apache-2.0

/// How many entries Loki says it left out: the numbers in `… total ignored: 3 out of 17 for stream …`. An answer that
/// names none is about one.
func ignoredEntries(_ text: String) -> Int {
  let phrase = Array("total ignored: ".utf8)
  var total = 0
  var rest = Array(text.utf8)[...]
  while let start = firstIndex(of: phrase, in: rest) {
    rest = rest[(start + phrase.count)...]
    let digits = rest.prefix { (0x30...0x39).contains($0) }.prefix(9)
    total += Int(String(decoding: digits, as: UTF8.self)) ?? 0
  }
  return max(total, 1)
}

/// Whether Loki's 400 is about entries it names, the others being stored. Anything else, such as a proxy's 400 or a
/// request Loki could not read, is taken to have stored nothing: better a line twice than never.
func isAboutEntries(_ text: String) -> Bool {
  switch RefusalReason(body: text) {
  case .outOfOrder, .tooOld, .outOfBounds, .tooLarge: true
  default: contains(text, "total ignored: ")
  }
}

func contains(_ text: String, _ phrase: String) -> Bool {
  firstIndex(of: Array(phrase.utf8), in: Array(text.utf8)[...]) != nil
}

private func firstIndex(of phrase: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
  guard text.count >= phrase.count else { return nil }
  return (text.startIndex...text.endIndex - phrase.count).first {
    text[$0..<$0 + phrase.count].elementsEqual(phrase)
  }
}
