// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Logs

@Suite struct LineSplitterTests {
  /// The lines of `bytes`, and where they leave off.
  private func split(
    _ bytes: [UInt8], _ encoding: TextEncoding = .utf8, longest: Int = 32, isEnd: Bool = false
  ) -> (lines: [String], next: Int, isInside: Bool, counts: (cut: Int, repaired: Int, nul: Int)) {
    var splitter = LineSplitter(encoding: encoding, longest: longest)
    var (lines, place, isInside) = ([String](), 0, false)
    reading: while place < bytes.count {
      switch splitter.step(bytes.span, from: place, isInsideLine: isInside, isEnd: isEnd) {
      case .incomplete: break reading
      case .nothing(let next, let inside): (place, isInside) = (next, inside)
      case .line(let next, let inside):
        (place, isInside) = (next, inside)
        switch splitter.text {
        case .inPlace(let range): lines.append(String(decoding: bytes[range], as: UTF8.self))
        case .rewritten: lines.append(String(decoding: splitter.rewritten, as: UTF8.self))
        }
      }
    }
    return (lines, place, isInside, splitter.takeCounts())
  }

  @Test func `lines end at newlines, without a carriage return before it; empty ones are lines`() {
    let (lines, next, _, _) = split(Array("one\r\n\ntwo\r\r\nthr".utf8))
    #expect(lines == ["one", "", "two\r"])
    #expect(next == 12)
  }

  @Test func `whatever stands at whatever place of a line of whatever length is seen`() {
    for length in 1..<80 {
      for place in 0..<length {
        for odd: [UInt8] in [
          [0x7f], [0x01], [0x80], [0xff], [0xc3, 0xa4], [0xe2, 0x82], [0xf0, 0x9f, 0x99, 0x82], [0],
        ] {
          var bytes = [UInt8](repeating: 0x61, count: length)
          bytes.replaceSubrange(place..<min(length, place + odd.count), with: odd)
          let isValid = String(validating: bytes, as: UTF8.self) != nil
          #expect(inspectUTF8(bytes.span) == (!isValid ? .isInvalid : bytes.contains(0) ? .hasNUL : .clean))
        }
      }
    }
  }

  @Test func `a last line without newline is one once nothing follows`() {
    #expect(split(Array("one\ntwo".utf8), isEnd: true).lines == ["one", "two"])
  }

  @Test func `a line too long is cut between characters, marked and counted`() {
    let (lines, _, _, counts) = split(Array((String(repeating: "ä", count: 20) + "\nb\n").utf8))
    #expect(lines == [String(repeating: "ä", count: 6) + " [cut from 40 bytes]", "b"])
    #expect(lines[0].utf8.count <= 32)
    #expect(counts.cut == 1)
  }

  @Test func `of a line whose end is not in sight the beginning is delivered, and the rest passed over`() {
    let (lines, next, isInside, counts) = split(Array(String(repeating: "x", count: 40).utf8))
    #expect(lines == [String(repeating: "x", count: 26) + " [cut]"])
    #expect(next == 40)
    #expect(isInside)
    #expect(counts.cut == 1)
  }

  @Test func `NULs are left out, and a line of nothing else is none`() {
    let (lines, _, _, counts) = split([0, 0, 0, 0x61, 0x0a, 0, 0, 0x0a, 0x62, 0, 0x63, 0x0a])
    #expect(lines == ["a", "bc"])
    #expect(counts.nul == 6)
  }

  @Test func `what is no UTF-8 is replaced and counted`() {
    let (lines, _, _, counts) = split([0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82, 0xac, 0x0a, 0xed, 0xa0, 0x80, 0x0a])
    #expect(lines == ["a\u{fffd}b", "€", "\u{fffd}\u{fffd}\u{fffd}"])
    #expect(counts.repaired == 2)
  }

  @Test func `UTF-16 and single bytes become UTF-8`() {
    let text = "Grüße Ċ\r\n😀\n"  // Ċ is U+010A: its low byte is a newline.
    let little = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    #expect(split(little, .utf16(isBigEndian: false)).lines == ["Grüße Ċ", "😀"])
    #expect(split(big, .utf16(isBigEndian: true)).lines == ["Grüße Ċ", "😀"])
    let windows = TextEncoding(name: "Windows-1252")
    #expect(split([0x80, 0xe4, 0x0a], windows ?? .utf8).lines == ["€ä"])
    #expect(split([0xa4, 0xe4, 0x0a], TextEncoding(name: "iso-8859-15") ?? .utf8).lines == ["€ä"])
    #expect(TextEncoding(name: "klingon") == nil)
  }
}
