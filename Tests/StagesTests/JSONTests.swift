// SPDX-License-Identifier: Apache-2.0

import Testing
import TestSupport

@testable import Stages

@Suite struct JSONTests {
  @Test(arguments: [
    ("null", ""), ("true", "true"), (" false ", "false"), (#""a\"b\/\\\b\f\n\r\t""#, "a\"b/\\\u{8}\u{c}\n\r\t"),
    (#""\u00e9\ud83d\ude00""#, "é😀"), (#""\ud83d x \ude00 \ud83d\u0041""#, "\u{FFFD} x \u{FFFD} \u{FFFD}A"),
    (#""""#, ""),
    ("{}", "{}"), ("[ ]", "[]"), ("[[],{}]", "[[],{}]"),
    (#"{ "b" : [1, 2.50, "x<y>&z"], "a" : null }"#, #"{"a":null,"b":[1,2.5,"x\u003cy\u003e\u0026z"]}"#),
    (#"{"a":1,"b":2,"a":{"z":1,"y":2}}"#, #"{"a":{"y":2,"z":1},"b":2}"#),
    ("[\"\\u0001\\u007f\\u2028é\\\\ \\\"\"]", "[\"\\u0001\u{7f}\\u2028é\\\\ \\\"\"]"),
    (
      "[1e21,1e20,1e-7,0.000001,-0,1E2,123456789012345678]",
      "[1e+21,100000000000000000000,1e-7,0.000001,-0,100,123456789012345680]"
    ),
  ])
  func `values become text as in Go`(_ json: String, _ expected: String) throws {
    #expect(text(json) == expected)
  }

  @Test(arguments: [
    ("0", "0"), ("-0", "-0"), ("7", "7"), ("-12.5", "-12.5"), ("2.50", "2.5"), ("1.0", "1"), ("1e3", "1000"),
    ("1e21", "1000000000000000000000"), ("1.5e-7", "0.00000015"), ("123456789012345", "123456789012345"),
    ("9007199254740993", "9007199254740992"), ("12345678901234567890", "12345678901234567000"),
    ("0.1", "0.1"), ("0.30000000000000004", "0.30000000000000004"), ("1e400", "1e400"), ("1e-400", "0"),
  ])
  func `numbers are float64 in plain decimals`(_ json: String, _ expected: String) {
    #expect(text(json) == expected)
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "tru", "+1", "01", "1.", ".5", "1e", "-", "0x1", "NaN", "'a'", "\"", "\"a", #""\x""#,
    #""\u12g4""#, #""\u12""#, "\"\n\"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", #"{"a"}"#, #"{"a":}"#,
    #"{"a":1,}"#, #"{"a":1"#, "{a:1}", #"{"a":1]"#, "[1}", "1 2", "{} x", #"{"a" 1}"#, "[[]", "}",
  ])
  func `what is not JSON is not taken`(_ json: String) {
    #expect(text(json) == nil)
  }

  @Test func `nesting has a limit and costs no stack`() {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(text(nested(64)) == nested(64))
    #expect(text(nested(65)) == nil)
    #expect(text(String(repeating: "[", count: 1_000_000)) == nil)
    #expect(text(String(repeating: #"{"a":"#, count: 100_000)) == nil)
  }

  @Test func `members are read one after the other`() throws {
    let json = Array(#"{"a": 1, "b\u0063": [true], "d": {}}"#.utf8)
    let object = JSONMembers(objectIn: 0..<json.count, of: json.span)
    var members = try #require(object)
    var seen: [String] = []
    while let member = members.next(json.span) {
      let (key, value) = (json[member.key], json[member.value.range])
      seen.append("\(String(decoding: key, as: UTF8.self)) \(String(decoding: value, as: UTF8.self))")
    }
    #expect(seen == ["a 1", #"b\u0063 [true]"#, "d {}"])
    #expect(members.isComplete && members.offset == json.count)
    let isEscapedKey = isKey(Array("bc".utf8), json.span, 10..<17)
    #expect(isEscapedKey)
  }

  @Test(arguments: testSeeds(count: 20)) func `damaged JSON never does harm, and what is taken is taken again`(
    _ seed: UInt64
  ) {
    var random = SplitMix64(seed: seed)
    let whole = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{"c":{"d":[[],{}]}},"e":"plain","a":"again"}"#.utf8)
    let alphabet = Array(#"{}[]",:\u0123456789abcdef.-+eE tnl"#.utf8) + [0, 0x1f, 0xff, 0xc3]
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<(1 + random.below(3)) {
        let place = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[place] = alphabet[random.below(alphabet.count)]
        case 1: bytes.remove(at: place)
        default: bytes.insert(alphabet[random.below(alphabet.count)], at: place)
        }
      }
      guard let value = JSONScanner.document(bytes.span) else { continue }
      var once: [UInt8] = []
      appendCompact(value, in: bytes.span, to: &once)
      let again = JSONScanner.document(once.span)
      var twice: [UInt8] = []
      if let again { appendCompact(again, in: once.span, to: &twice) }
      #expect(again != nil && once == twice, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
    }
  }

  private func text(_ json: String) -> String? {
    let bytes = Array(json.utf8)
    guard let value = JSONScanner.document(bytes.span) else { return nil }
    var output: [UInt8] = []
    appendText(of: value, in: bytes.span, to: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
