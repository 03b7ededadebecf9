// SPDX-License-Identifier: Apache-2.0

import Logs
import TestSupport
import Testing

/// Lines from bytes.
@Suite struct LineTextTests {
  private func line(_ bytes: [UInt8], limit: Int = 100) -> (text: String, changes: LineText.Changes) {
    var buffer: [UInt8] = []
    let changes = LineText.append(bytes.span, limit: limit, to: &buffer)
    return (String(validating: buffer, as: UTF8.self) ?? "not UTF-8: \(buffer)", changes)
  }

  @Test func `text stays as it is`() {
    for text in ["", "a", "twelve bytes", "één, ✓ and 🐧 in a line", "tab\tand\nnewline"] {
      let result = line(Array(text.utf8))
      #expect(result.text == text && result.changes == [])
    }
  }

  @Test(
    arguments: [
      ([0xff], "\u{fffd}"), ([0x61, 0x00, 0x62], "a\u{fffd}b"), ([0xe2, 0x82], "\u{fffd}"),
      ([0xe2, 0x82, 0x61], "\u{fffd}a"), ([0xc0, 0xaf], "\u{fffd}\u{fffd}"),
      ([0xf0, 0x9f, 0x90, 0xff], "\u{fffd}\u{fffd}"),
      ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"), ([0x80, 0x41], "\u{fffd}A"),
    ] as [([UInt8], String)])
  func `what is no text is replaced, piece by piece as Unicode recommends`(bytes: [UInt8], text: String) {
    let result = line(bytes)
    #expect(result.text == text && result.changes == .repaired)
  }

  @Test func `a long line is cut between characters and marked`() {
    let result = line(Array(String(repeating: "é", count: 60).utf8))
    #expect(result.text == String(repeating: "é", count: 45) + "… [cut]" && result.changes == .cut)
    #expect(line(Array(String(repeating: "a", count: 100).utf8)).changes == [])
    #expect(line([UInt8](repeating: 0xff, count: 40)).changes == [.cut, .repaired])
  }

  @Test(arguments: testSeeds(count: 20)) func `any bytes become what the standard library makes of them`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<500 {
      let bytes = (0..<random.below(40)).map { _ in
        random.chance(60) ? UInt8(0x20 + random.below(0x5f)) : UInt8(1 + random.below(255))
      }
      #expect(line(bytes, limit: 1000).text == String(decoding: bytes, as: UTF8.self), "seed \(seed): \(bytes)")
    }
  }
}
