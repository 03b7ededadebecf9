// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Makes inputs of inputs: as noise does, as a broken disk does, and as somebody who means harm.
struct Mutator {
  private var random: SplitMix64
  private let corpus: [[UInt8]]
  private let tokens: [[UInt8]]
  private let longest: Int

  init(seed: UInt64, corpus: [[UInt8]], tokens: [String], longest: Int) {
    random = SplitMix64(seed: seed)
    self.corpus = corpus.isEmpty ? [[]] : corpus
    self.tokens = (tokens + Self.numbers + Self.troublemakers).map { Array($0.utf8) } + Self.bytes
    self.longest = longest
  }

  private static let numbers = [
    "0", "-0", "-1", "1", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "4294967295", "4294967296", "2147483648", "1e308", "1e309",
    "1e-400",
    "1e99999999999999999999", "0x7fffffffffffffff", "0.1e1", "00000000000000000000000000000001", "NaN", "+Inf",
    "253402300799", "-62135596800", "9223372036854775", "9223372037",
  ]
  private static let troublemakers = [
    "", "\0", "\n", "\r\n", " ", "\t", "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]", "(", ")", ",", ":", ";", "=",
    "%",
    "\u{feff}", "\u{202e}", "\u{e4}", "\u{1f600}", "\u{0301}", "\u{2028}", "\u{fffd}", "+", "-", ".", "/", "../", "#",
    "*",
    "$", "`", "'", "<", ">", "|", "&", "@", "!",
  ]
  private static let bytes: [[UInt8]] = [
    [0xff], [0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf0, 0x9f], [0xff, 0xfe],
    [0xfe, 0xff],
    [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x80, 0x80, 0x80, 0x80],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]

  /// An input nobody has tried.
  mutating func next() -> [UInt8] {
    var input = pick(corpus)
    // Now and then from nothing, as what is short and strange is rare among what is derived.
    if random.chance(3) { input = [] }
    for _ in 0...random.below(random.chance(20) ? 20 : 4) {
      change(&input)
      if input.count > longest { input.removeLast(input.count - longest) }
    }
    return input
  }

  private mutating func pick(_ list: [[UInt8]]) -> [UInt8] { list[random.below(list.count)] }

  /// Any part of `bytes`; a short one mostly.
  private mutating func part(of bytes: [UInt8]) -> Range<Int> {
    let start = random.below(bytes.count + 1)
    let most = random.chance(70) ? 12 : bytes.count
    return start..<min(bytes.count, start + random.below(most + 1))
  }

  private mutating func change(_ input: inout [UInt8]) {
    let range = part(of: input)
    let place = range.lowerBound
    switch random.below(15) {
    case 0 where place < input.count: input[place] ^= 1 << UInt8(random.below(8))
    case 1 where place < input.count: input[place] = UInt8(truncatingIfNeeded: random.next())
    case 2: input.removeSubrange(range)
    case 3: input.removeSubrange(place...)
    case 4: input.insert(contentsOf: input[range], at: random.below(input.count + 1))
    case 5: input.insert(contentsOf: pick(tokens), at: place)
    case 6: input.replaceSubrange(range, with: pick(tokens))
    case 7: splice(&input)
    case 8: replaceNumber(&input)
    case 9: writeInteger(&input, at: place)
    case 10: nest(&input, at: place)
    case 11: repeatPart(&input, range)
    case 12: swapLines(&input)
    case 13:
      input.insert(contentsOf: (0..<random.below(9)).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: place)
    default: input.insert(contentsOf: pick(tokens) + pick(tokens), at: place)
    }
  }

  /// The beginning of one and the end of another.
  private mutating func splice(_ input: inout [UInt8]) {
    let other = pick(corpus)
    let from = random.below(other.count + 1)
    input.replaceSubrange(random.below(input.count + 1)..., with: other[from...])
  }

  /// Another number where one is written.
  private mutating func replaceNumber(_ input: inout [UInt8]) {
    let start = random.below(input.count + 1)
    guard let first = input[start...].firstIndex(where: { $0 &- 0x30 < 10 }) else { return }
    let end = input[first...].firstIndex { $0 &- 0x30 >= 10 } ?? input.count
    input.replaceSubrange(first..<end, with: Array(Self.numbers[random.below(Self.numbers.count)].utf8))
  }

  /// A length, count or time, in either order of bytes, at the edge of what fits.
  private mutating func writeInteger(_ input: inout [UInt8], at place: Int) {
    let edges: [UInt64] = [
      0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 1 << 63,
      .max,
      UInt64(input.count), UInt64(input.count) &- 1, UInt64(place), random.next(),
    ]
    let value = edges[random.below(edges.count)] &+ UInt64(random.below(3)) &- 1
    let size = [1, 2, 4, 8][random.below(4)]
    var written = (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    if random.chance(50) { written.reverse() }
    input.replaceSubrange(place..<min(input.count, place + size), with: written)
  }

  /// The same again and again, and sometimes what ends it as often.
  private mutating func nest(_ input: inout [UInt8], at place: Int) {
    let count = [3, 40, 120, 1000, 20_000][random.below(5)]
    let pairs = [("(", ")"), ("[", "]"), ("{", "}"), ("{\"a\":", "}"), ("[[", "]]"), ("{{", "}}"), ("<", ">")]
    let (open, close) = random.chance(60) ? pairs[random.below(pairs.count)] : (text(pick(tokens)), "")
    let closing = random.chance(50) ? repeated(Array(close.utf8), count) : []
    input.insert(contentsOf: repeated(Array(open.utf8), count) + closing, at: place)
  }

  private mutating func repeatPart(_ input: inout [UInt8], _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let count = [2, 10, 100, 5000][random.below(4)]
    input.insert(contentsOf: repeated(Array(input[range]), count), at: range.upperBound)
  }

  /// `part` as often as `count` says, but no longer than an input may be.
  private func repeated(_ part: [UInt8], _ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    for _ in 0..<min(count, longest / max(1, part.count)) { result += part }
    return result
  }

  private mutating func swapLines(_ input: inout [UInt8]) {
    var lines = input.split(separator: 0x0a, omittingEmptySubsequences: false)
    guard lines.count > 1, lines.count < 5000 else { return }
    lines.swapAt(random.below(lines.count), random.below(lines.count))
    input = Array(lines.joined(separator: [0x0a]))
  }
}
