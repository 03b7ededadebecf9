// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Stages

@Suite struct JMESPathTests {
  private let document = #"""
    {"a": {"b": {"c": 7}, "list": [10, 20, 30], "empty": "", "no": false, "nothing": null},
     "with-dash": "d", "it's": "q", "é": "accent",
     "people": [{"name": "Ada", "langs": ["x", "y"]}, {"name": "Bob"}, {"langs": []}, 5],
     "map": {"one": {"n": 1}, "two": {"n": 2}, "three": 3}, "zero": 0}
    """#

  @Test(arguments: [
    ("a.b.c", "7"), (" a . b . c ", "7"), ("a.list[0]", "10"), ("a.list[-1]", "30"), ("a.list[3]", nil),
    ("a.list[-4]", nil), ("a.list", "[10,20,30]"), (#""with-dash""#, "d"), (#""it's""#, "q"), (#""\u00e9""#, "accent"),
    ("missing", nil), ("missing.x[0].y", nil), ("a.b.c.d", nil), ("a[0]", nil), ("a.nothing", nil),
    ("people[*].name", #"["Ada","Bob"]"#), ("people[*].langs[0]", #"["x"]"#),
    ("people[*].langs[*]", #"[["x","y"],[]]"#),
    ("people[0].langs[*]", #"["x","y"]"#), ("(people[*].name)[1]", "Bob"), ("people[*].name | [1]", "Bob"),
    ("map.*.n", "[1,2]"), ("map.*", #"[{"n":1},{"n":2},3]"#), ("a.b[*]", nil), ("a.list.*", nil),
    ("missing || a.b.c", "7"), ("a.empty || a.no || a.nothing || zero || a.b.c", "0"), ("missing || 'def'", "def"),
    ("'it\\'s'", "it's"), ("`[1, {\"x\": 2}]`[1].x", "2"), ("`\"a\\`b\"`", "a`b"), ("`null` || `true`", "true"),
    ("`{\"k\":null}`.k", nil), ("a | b | c", "7"), ("a | @ | b.c", "7"), ("@.a.b.c", "7"), ("a.b | @", #"{"c":7}"#),
    ("missing[*].x || a.b.c", "7"), ("`[]` || 'x'", "x"), ("`[[1],[2]]`[*][0]", "[1,2]"), ("a.empty", ""),
  ])
  func `expressions find what JMESPath says`(_ expression: String, _ expected: String?) throws {
    #expect(try search(expression) == expected)
  }

  @Test(arguments: [
    ("", 1, "the expression ends where a name is expected"), ("a.", 3, "the expression ends where a name is expected"),
    ("$.a", 1, "JMESPath begins with the name, without $"), (".a", 1, "a name is expected, not '.'"),
    ("a..b", 3, "a name is expected, not '.'"),
    ("a-b", 2, "a name with other characters than letters, digits and _ stands in double quotes"),
    ("2xx", 1, "a name that begins with a digit stands in double quotes"),
    ("length(a)", 1, "the function length() is not supported; there are \(JMESPathParser.supported)"),
    ("a[0:2]", 2, "only [number] and [*] are supported: no slices, filters or selections"),
    ("a[?b]", 2, "only [number] and [*] are supported: no slices, filters or selections"),
    ("a[]", 2, "only [number] and [*] are supported: no slices, filters or selections"),
    ("a && b", 3, "'&' is not expected here; there are \(JMESPathParser.supported)"),
    ("{x: a}", 1, "'{' is not expected here; there are \(JMESPathParser.supported)"),
    ("(a", 3, "expected )"), ("'a", 1, "a string that does not end"),
    ("`{`", 1, "what stands between ` and ` is not JSON"),
    ("\"a", 1, "a quoted name that does not end, or a wrong escape in it"),
    ("a b", 3, "'b' is not expected here; there are \(JMESPathParser.supported)"),
  ])
  func `what is not supported is refused with its place`(_ expression: String, _ position: Int, _ reason: String) {
    #expect(throws: JMESPathError(position: position, reason: reason)) { try JMESPath(expression) }
  }

  @Test func `parentheses have a limit`() {
    #expect(throws: JMESPathError.self) { try JMESPath(String(repeating: "(", count: 2000)) }
    #expect(throws: JMESPathError.self) { try JMESPath(String(repeating: "a.", count: 3000) + "a") }
  }

  @Test func `plain paths are known as such`() throws {
    #expect(try JMESPath("a.\"b c\"").plainPath == [Array("a".utf8), Array("b c".utf8)])
    #expect(try JMESPath("a[0]").plainPath == nil && JMESPath("a || b").plainPath == nil)
  }

  @Test func `the last of equal keys counts`() throws {
    let bytes = Array(#"{"a":1,"\u0061":2}"#.utf8)
    let document = JSONScanner.document(bytes.span)
    let value = try #require(document)
    var output: [UInt8] = []
    try JMESPath("a").search(value, in: bytes.span).appendText(in: bytes.span, to: &output)
    #expect(output == Array("2".utf8))
  }

  @Test(arguments: testSeeds(count: 5)) func `no expression and no document does harm`(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "a", "b", ".", "*", "[", "]", "0", "-1", "|", "||", "@", "(", ")", "'x'", "`1`", "`[1,{\"a\":2}]`", "\"b\"", " ",
      "'", "`",
      "\\", "é", "$",
    ]
    let documents = [#"{"a":[{"b":[1,2]},null,[]],"b":{"a":{"b":"x"}}}"#, "[]", "7", #"{"a":{"a":{"a":[[1],[2]]}}}"#]
    for _ in 0..<3000 {
      let text = (0..<(1 + random.below(12))).map { _ in pieces[random.below(pieces.count)] }.joined()
      guard let path = try? JMESPath(text) else { continue }
      let bytes = Array(documents[random.below(documents.count)].utf8)
      guard let value = JSONScanner.document(bytes.span) else { continue }
      var output: [UInt8] = []
      path.search(value, in: bytes.span).appendText(in: bytes.span, to: &output)
    }
  }

  private func search(_ expression: String) throws -> String? {
    let bytes = Array(document.utf8)
    let whole = JSONScanner.document(bytes.span)
    let value = try #require(whole)
    let result = try JMESPath(expression).search(value, in: bytes.span)
    if result.isNull { return nil }
    var output: [UInt8] = []
    result.appendText(in: bytes.span, to: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
