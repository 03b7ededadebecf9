// SPDX-License-Identifier: Apache-2.0

import RE2
import Testing

@Suite struct PatternTests {
  @Test func `a full pattern matches the whole text, newlines included`() throws {
    let pattern = try Pattern("a.*b", .full)
    #expect(pattern.matches("a\nb"))
    #expect(!pattern.matches("xa\nb"))
  }

  @Test func `a search finds the pattern anywhere`() throws {
    #expect(try Pattern("^(ram|loop)\\d+$").matches("loop12"))
    #expect(try Pattern("oo").matches("loop"))
  }

  @Test func `groups are byte ranges, nil for those that took no part`() throws {
    let pattern = try Pattern("(a)|(?P<second>b+)")
    let text = Array("xxbb".utf8)
    #expect(pattern.firstMatch(in: text.span) == [2..<4, nil, 2..<4])
    #expect(pattern.groupNumber(named: "second") == 2)
    #expect(pattern.groupName(1) == nil)
  }

  @Test func `the empty text can match`() throws {
    let pattern = try Pattern("(.*)", .full)
    #expect(pattern.matches(""))
    #expect(pattern.firstMatch(in: [UInt8]().span) == [0..<0, 0..<0])
  }

  @Test func `a broken pattern says why`() {
    let error = #expect(throws: PatternError.self) { try Pattern("(abc") }
    #expect(error?.description == "invalid regular expression \"(abc\": missing ): (abc")
  }

  @Test(arguments: [
    ("(?<n>b+)", "abbc", "bb"), ("(?<n>b+)(?P<m>c)", "abbc", "bb"), ("\\(?(?<n>b)", "ab", "b"),
    ("[(?<n>](?<n>b)", "a<b", "b"),
    ("\\Q(?<x>\\E(?<n>b)", "(?<x>b", "b"), ("[]](?<n>b)", "]b", "b"), ("[^](?<x>](?<n>b)", "zb", "b"),
  ])
  func `groups may be named as Go allows it`(_ source: String, _ text: String, _ expected: String) throws {
    let pattern = try Pattern(source)
    let bytes = Array(text.utf8)
    let group = try #require(pattern.groupNumber(named: "n"))
    var groups: [Range<Int>?] = []
    let isFound = pattern.firstMatch(in: bytes.span, groups: &groups)
    try #require(isFound)
    #expect(groups[group].map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
    #expect(pattern.source == source)
  }

  @Test func `looking behind is still refused`() {
    #expect(throws: PatternError.self) { try Pattern("(?<=a)b") }
    #expect(throws: PatternError.self) { try Pattern("(?<!a)b") }
  }
}
