// SPDX-License-Identifier: Apache-2.0

import RE2
import Telemetry
import TestSupport
import Testing

@testable import Stages

/// What the documents of ComponentsTests do not show: noise and bounds.
@Suite struct ExtractionStageTests {
  @Test(arguments: testSeeds(count: 5)) func `no line does harm to a stage`(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let stages: [any Stage] = [
      JSONStage(
        ["a": try JMESPathExpression("a"), "b": try JMESPathExpression("a.b[*].c || b")],
        keysMatching: try Pattern("."),
        source: nil, dropsMalformed: false),
      LogfmtStage(["a": "a"], keysMatching: try Pattern("b"), source: nil),
      RegexStage(try Pattern("(?P<a>[^b]*)(?P<c>b)?"), source: nil, setsLabels: true),
      TimestampStage(
        source: "a", formats: [TimestampFormat("RFC3339"), TimestampFormat("Unix")], fudgesFailures: true,
        fudgesDuplicates: true),
      TemplateStage(source: "a", template: try GoTemplate("{{ .Value | ToUpper }}{{ trunc 3 .Entry }}")),
      ReplaceStage(try Pattern("(a)|(?P<x>b*)"), source: nil, template: try GoTemplate("<{{ .Value }}>")),
    ]
    let pieces = [
      "{", "}", "\"a\"", ":", "[", "]", ",", "1", "\\", "b=", "\"", " ", "a", "b", "é", "2024-01-01T00:00:00Z",
    ]
    let labels = LabelSet(["app": "x"])
    for _ in 0..<1000 {
      var line = Array((0..<random.below(25)).map { _ in pieces[random.below(pieces.count)] }.joined().utf8)
      if !line.isEmpty, random.chance(20) { line[random.below(line.count)] = UInt8(random.below(256)) }
      var entry = LogEntry()
      entry.load(line: line.span, labels: labels.packed.span, timestampNanoseconds: 1)
      for stage in stages { _ = stage.process(&entry, at: Moment(wall: 1, monotonic: 1)) }
      #expect(entry.line.upperBound <= entry.bytes.count)
    }
  }

  @Test func `a line cannot be made to grow without end`() throws {
    let stage = ReplaceStage(
      try Pattern("(a)"), source: nil, template: try GoTemplate("{{ printf \"%900s\" .Value }}"))
    let line = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
    var entry = LogEntry()
    entry.load(line: line.span, labels: LabelSet([:]).packed.span, timestampNanoseconds: 1)
    _ = stage.process(&entry, at: Moment(wall: 1, monotonic: 1))
    #expect(entry.line.count == line.count)
  }

  @Test func `the last used labels are remembered, and no more than twice as many`() {
    var recent = RecentLabels<Int>(capacity: 10)
    for number in 0..<100 {
      recent[[UInt8(number)]] = number
      #expect(recent[[0]] == 0, "used again and again")
      #expect(recent.count <= 20)
    }
    for number in 91..<100 { #expect(recent[[UInt8(number)]] == number) }
    #expect(recent[[50]] == nil)
  }
}
