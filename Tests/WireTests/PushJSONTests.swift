// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing
import Wire

@Suite struct PushJSONTests {
  @Test func `streams, lines and structured metadata are read`() throws {
    let request = try decode(
      """
      {"more": [1, -2.5e+3, true, null, {"x": []}], "streams": [
        {"stream": {"b": "2", "a": "1", "empty": ""}, "values": [
          ["1700000000000000001", "line \\"one\\""], ["-5", "", {"trace": "7"}]]},
        {"values": [], "stream": {}, "other": "x"}]}
      """)
    #expect(
      request
        == PushRequest(streams: [
          PushRequest.Stream(
            labels: [Label("a", "1"), Label("b", "2")],
            entries: [
              PushRequest.Entry(timestampNanoseconds: 1_700_000_000_000_000_001, line: Array("line \"one\"".utf8)),
              PushRequest.Entry(timestampNanoseconds: -5, line: [], metadata: [Label("trace", "7")]),
            ])
        ]))
  }

  @Test(arguments: [
    ("\\u0041\\n\\/\\b\\f\\r\\t\\\\", "A\n/\u{8}\u{c}\r\t\\"), ("\\ud83d\\ude00", "😀"), ("\\ud83dx", "\u{FFFD}x"),
    ("\\ude00", "\u{FFFD}"), ("\\ud83d\\u0041", "\u{FFFD}A"), ("\\ud83d\\ud83d\\ude00", "\u{FFFD}😀"),
    ("\\u0000", "\u{0}"), ("é😀", "é😀"),
  ])
  func `escapes mean what they say`(_ written: String, _ expected: String) throws {
    let request = try decode("{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"\(written)\"]]}]}")
    #expect(request.streams[0].entries[0].line == Array(expected.utf8))
  }

  @Test(arguments: [
    "[1, \"a\"]", "[\"1\"]", "[]", "[\"x\", \"a\"]", "[\"+1\", \"a\"]", "[\"\", \"a\"]", "[\"1.5\", \"a\"]",
    "[\"9223372036854775808\", \"a\"]", "[\"1\", 2]", "[\"1\", \"a\", \"b\"]", "[\"1\", \"a\", {\"k\": 1}]",
    "[\"1\", \"a\", {}, {}]", "[\"1\", \"a\",]", "[\"1\" \"a\"]", "{}", "null", "[\"1\", \"\\x\"]",
    "[\"1\", \"\\u12g4\"]",
    "[\"1\", \"\\u+123\"]", "[\"1\", \"a\nb\"]",
  ])
  func `values of another shape are refused`(_ value: String) {
    #expect(throws: WireError.self) { try decode("{\"streams\":[{\"stream\":{},\"values\":[\(value)]}]}") }
  }

  @Test(arguments: [
    "", " ", "[]", "null", "{", "{}}", "{} x", "{\"streams\"}", "{\"streams\":}", "{\"streams\":{}}", "{streams:[]}",
    "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":NaN}",
    "{\"a\":[1,]}", "{\"a\":1,}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud83d\\u\"}", "{\"a\":\"\\", "{'a':1}",
    "{\"a\":1 \"b\":2}",
  ])
  func `what is not JSON, or another kind of document, is refused`(_ text: String) {
    #expect(throws: WireError.self) { try decode(text) }
  }

  @Test(arguments: ["a b", "1a", "", "a.b", "é"]) func `labels with names of another kind are refused`(_ name: String) {
    #expect(throws: WireError.self) {
      try decode("{\"streams\":[{\"stream\":{\"\(name)\":\"x\"},\"values\":[[\"1\",\"a\"]]}]}")
    }
  }

  @Test func `an object without streams is an empty push`() throws {
    #expect(try decode("{}") == PushRequest())
    #expect(try decode(" {\"streams\": []}\n") == PushRequest())
  }

  @Test func `every prefix of a document is refused`() throws {
    let text = "{\"streams\":[{\"stream\":{\"a\":\"\\u0041\"},\"values\":[[\"1\",\"l\",{\"k\":\"v\"}]]}],\"x\":-1.5e3}"
    _ = try decode(text)
    for count in 0..<text.utf8.count {
      #expect(throws: WireError.self) { try decodePushRequest(json: Array(text.utf8.prefix(count))) }
    }
  }

  @Test func `depth and size are bounded`() {
    let deep = "{\"x\":" + String(repeating: "[", count: 100_000)
    #expect(throws: WireError.malformed(what: "JSON", reason: "nested more than 32 deep (at byte 37)")) {
      try decode(deep)
    }
    #expect(throws: WireError.tooLarge(what: "push request", bytes: 20, limit: 10)) {
      try decodePushRequest(json: [UInt8](repeating: 0x20, count: 20), limit: 10)
    }
  }

  private func decode(_ text: String) throws -> PushRequest { try decodePushRequest(json: Array(text.utf8)) }
}
