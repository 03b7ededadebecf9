// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct SourceFileTests {
  @Test func `a byte-order mark is dropped, and UTF-16 of either order becomes UTF-8`() {
    #expect(SourceFile(name: "f", bytes: [0xef, 0xbb, 0xbf] + Array("a".utf8)).bytes == Array("a".utf8))
    let little: [UInt8] = [0xff, 0xfe, 0x61, 0, 0xe4, 0, 0x3d, 0xd8, 0x00, 0xde]
    let big: [UInt8] = [0xfe, 0xff, 0, 0x61, 0, 0xe4, 0xd8, 0x3d, 0xde, 0x00]
    #expect(SourceFile(name: "f", bytes: little).bytes == Array("a\u{e4}\u{1f600}".utf8))
    #expect(SourceFile(name: "f", bytes: big).bytes == Array("a\u{e4}\u{1f600}".utf8))
    #expect(SourceFile(name: "f", bytes: [0xff, 0xfe, 0x61]).bytes == [])
  }

  @Test func `a byte-order mark elsewhere, NUL and broken UTF-8 are errors`() {
    for bytes: [UInt8] in [
      [0x61, 0xef, 0xbb, 0xbf], [0x61, 0], [0x61, 0xc3], Array("// \0".utf8), [0x22, 0xff, 0x22],
    ] {
      #expect(!parse(SourceFile(name: "f", bytes: bytes)).diagnostics.isEmpty)
    }
    let nul = parse(source("a = \"x\0\"\n")).diagnostics
    #expect(nul.map(\.message) == ["illegal character NUL"])
  }

  @Test func `columns count bytes, from one`() {
    let position = source("a\n\u{e4}b").position(at: 4)
    #expect(position == SourcePosition(file: "main.alloy", line: 2, column: 3, offset: 4))
    #expect(position.description == "main.alloy:2:3")
  }

  @Test func `files with carriage returns parse as those without`() {
    #expect(
      describe(parse(source("a = 1\r\nb {\r\n\tc = [\r\n\t\t1,\r\n\t]\r\n}\r\n")).body)
        == describe(parse(source("a = 1\nb {\n\tc = [\n\t\t1,\n\t]\n}\n")).body))
  }
}
