// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

@Suite struct ByteScanningTests {
  private func lines(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    var offset = 0
    var lines: [String] = []
    while let line = nextLine(bytes.span, at: &offset) {
      lines.append(String(decoding: bytes[line], as: UTF8.self))
    }
    return lines
  }

  @Test func `lines end at newlines, and the last need not`() {
    #expect(lines("a\n\nb") == ["a", "", "b"])
    #expect(lines("a\n") == ["a"])
    #expect(lines("") == [])
    #expect(lines("\n") == [""])
  }

  @Test func `fields are what stands between spaces and tabs`() {
    let bytes = Array("  ab\t c  \nnext".utf8)
    var offset = 0
    var fields: [Range<Int>?] = []
    for _ in 0..<4 { fields.append(nextField(bytes.span, at: &offset, before: 9)) }
    #expect(fields == [2..<4, 6..<7, nil, nil])
  }

  @Test(
    arguments: [
      ("0", 0), ("18446744073709551615", UInt64.max), ("18446744073709551616", nil), ("99999999999999999999", nil),
      ("", nil), ("-1", nil), ("1 ", nil), ("0x10", nil), ("007", 7),
    ] as [(String, UInt64?)])
  func `only decimal digits that fit 64 bits are a number`(text: String, expected: UInt64?) {
    let bytes = Array(text.utf8)
    let number = parseUnsigned(bytes.span, 0..<bytes.count)
    #expect(number == expected)
  }

  @Test(arguments: [
    "0.20", "1", "-1.5", "+3", "1e3", "1.5E-7", "123456789012345678901234567890", "0.1", "9007199254740993",
    "1.7976931348623157e308", "1e999", "1e-999", ".5", "5.", "0.30000000000000004", "1e22", "1e23", "12345.678e-30",
    "2.2250738585072011e-308", "00000000000000000000001.50",
  ])
  func `decimals agree with the standard library's parser`(text: String) throws {
    let bytes = Array(text.utf8)
    let padded = text.hasPrefix(".") ? "0" + text : text.hasSuffix(".") ? text + "0" : text
    let expected = try #require(Double(padded))
    let number = parseDecimal(bytes.span, 0..<bytes.count)
    #expect(number == expected)
  }

  @Test(arguments: ["", ".", "-", "e5", "1e", "1e+", "1.2.3", "1 ", "inf", "nan", "0x1p3", "1e5x", "--1"])
  func `what is no decimal is refused`(text: String) {
    let bytes = Array(text.utf8)
    let number = parseDecimal(bytes.span, 0..<bytes.count)
    #expect(number == nil)
  }

  @Test func `prefixes and equality look at the range alone`() {
    let bytes = Array("cpu0 cpu".utf8)
    let prefixes = [hasPrefix(bytes.span, 0..<4, "cpu"), hasPrefix(bytes.span, 0..<2, "cpu")]
    #expect(prefixes == [true, false])
    let equalities = [equal(bytes.span, 5..<8, "cpu"), equal(bytes.span, 0..<4, "cpu")]
    #expect(equalities == [true, false])
  }

  @Test(arguments: [(" \ta b\n", 2..<5), ("  ", 2..<2), ("", 0..<0), ("x", 0..<1)])
  func `space around is taken away`(text: String, expected: Range<Int>) {
    let bytes = Array(text.utf8)
    let range = trimmed(bytes.span, 0..<bytes.count)
    #expect(range == expected)
  }
}

@Suite struct WholeFileTests {
  @Test func `a file larger than the buffer is read whole, and cut at the limit`() throws {
    let directory = try TemporaryDirectory()
    let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try replaceFile(directory.path("f"), with: content.span)
    let file = try FileDescriptor(opening: directory.path("f"))
    var buffer: [UInt8] = []
    #expect(try file.readAgain(into: &buffer, chunk: 1000) == 20_000)
    #expect(Array(buffer[..<20_000]) == content)
    #expect(try file.readAgain(into: &buffer, chunk: 64 << 10) == 20_000)
    #expect(try file.readAgain(into: &buffer, chunk: 4096, limit: 5000) == 5000)
    #expect(try file.readOnce(into: &buffer, atMost: 128) == 128)
  }

  @Test func `a stamp changes with the file`() throws {
    let directory = try TemporaryDirectory()
    #expect(FileStamp(directory.path("f")) == nil)
    try replaceFile(directory.path("f"), with: [1].span)
    let first = FileStamp(directory.path("f"))
    #expect(first != nil && first == FileStamp(directory.path("f")))
    try replaceFile(directory.path("f"), with: [1, 2].span)
    #expect(FileStamp(directory.path("f")) != first)
  }
}
