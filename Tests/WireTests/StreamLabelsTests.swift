// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing
import Wire

@Suite struct StreamLabelsTests {
  @Test(
    arguments: [
      ([:], "{}"),
      (["b": "2", "a": "1", "B": "3"], "{B=\"3\", a=\"1\", b=\"2\"}"),
      (["a": "q\"b\\n\n\t\r\u{7}\u{8}\u{b}\u{c}"], "{a=\"q\\\"b\\\\n\\n\\t\\r\\a\\b\\v\\f\"}"),
      (["a": "\u{0}\u{1f}\u{7f}"], "{a=\"\\x00\\x1f\\x7f\"}"),
      (["a": "é😀 ~"], "{a=\"é😀 ~\"}"),
      (["a": "\u{a0}\u{200b}\u{e000}\u{e0001}"], "{a=\"\\u00a0\\u200b\\ue000\\U000e0001\"}"),
    ] as [([String: String], String)])
  func `labels are written as Go quotes them, and read back`(_ labels: [String: String], _ expected: String) throws {
    let set = LabelSet(labels)
    #expect(text(set.packed) == expected)
    #expect(try parseStreamLabels(expected) == set.labels)
  }

  @Test func `bytes that are not UTF-8 are escaped one by one`() {
    var packed: [UInt8] = []
    appendLengthPrefixed(Array("a".utf8).span, to: &packed)
    appendLengthPrefixed(([0xff, 0x41, 0xc3, 0xe2, 0x82, 0xed, 0xa0, 0x80] as [UInt8]).span, to: &packed)
    #expect(text(packed) == "{a=\"\\xffA\\xc3\\xe2\\x82\\xed\\xa0\\x80\"}")
  }

  @Test func `random labels survive`() throws {
    var random = SeededGenerator(state: 13)
    for _ in 0..<300 {
      let set = LabelSet(["a": random.text(), "b": random.text()])
      #expect(try parseStreamLabels(text(set.packed)) == set.labels)
    }
  }

  @Test(
    arguments: [
      (" { b = `r\\aw` ,a='s\\'q', } ", [Label("a", "s'q"), Label("b", "r\\aw")]),
      ("{a=\"\"}", []), ("{}", []), ("{ }", []),
      ("{a=\"\\101\\x41\\u0041\\U00000041\"}", [Label("a", "AAAA")]),
    ] as [(String, [Label])])
  func `other ways of writing labels are read`(_ text: String, _ expected: [Label]) throws {
    #expect(try parseStreamLabels(text) == expected)
  }

  @Test(arguments: [
    "", "{", "}", "a=\"1\"", "{a}", "{a=}", "{a=1}", "{a=\"1}", "{a=`1}", "{=\"1\"}", "{1a=\"1\"}", "{a:b=\"1\"}",
    "{a=\"1\"", "{a=\"1\"}x", "{a=\"1\" b=\"2\"}", "{,}", "{a=\"1\",,}", "{a!=\"1\"}", "{a=~\"1\"}",
    "{a=\"1\",a=\"2\"}", "{a=\"\\q\"}", "{a=\"\\'\"}", "{a=\"\\x4\"}", "{a=\"\\xzz\"}", "{a=\"\\x+1\"}",
    "{a=\"\\ud800\"}", "{a=\"\\U00110000\"}", "{a=\"\\400\"}", "{a=\"\n\"}", "{a=\"\\",
  ])
  func `what is no stream's labels is refused`(_ text: String) {
    #expect(throws: WireError.self) { try parseStreamLabels(text) }
  }

  private func text(_ packed: [UInt8]) -> String {
    var text: [UInt8] = []
    appendStreamLabels(packed.span, to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}
