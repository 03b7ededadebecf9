// SPDX-License-Identifier: Apache-2.0

import Relabel
import Telemetry
import Testing

@Suite struct RelabellerTests {
  @Test(arguments: RuleFixture.all) func `rules do what the document says`(_ fixture: RuleFixture) {
    var relabeller = Relabeller(fixture.rules)
    for example in fixture.examples {
      // Targets with no labels left are targets still; series are not.
      let target = relabeller.apply(to: example.input)
      #expect(target == example.expected || example.expected == nil && target == [:], "of \(example.input)")
      var output: [UInt8] = [1, 2, 3]
      let kept = relabeller.apply(to: LabelSet(example.input).packed.span, into: &output)
      #expect(kept == (example.expected != nil), "of \(example.input)")
      if let expected = example.expected, kept {
        #expect(output == LabelSet(expected).packed, "packed, sorted; of \(example.input)")
      }
    }
  }

  @Test func `every action has a document`() {
    let used = Set(RuleFixture.all.flatMap(\.rules).map(\.action))
    #expect(used == Set(RelabelRule.Action.allCases))
  }

  @Test func `without rules everything passes as it is`() {
    var relabeller = Relabeller([])
    let labels = LabelSet(["a": "1", "b": "2"])
    var output: [UInt8] = []
    #expect(relabeller.apply(to: labels.packed.span, into: &output))
    #expect(output == labels.packed)
    #expect(relabeller.apply(to: [:]) == [:])
  }

  @Test func `labels with empty values come out as absent`() {
    var relabeller = Relabeller([])
    var packed: [UInt8] = []
    for piece in ["a", "", "b", "2"] { appendLengthPrefixed(Array(piece.utf8).span, to: &packed) }
    var output: [UInt8] = []
    #expect(relabeller.apply(to: packed.span, into: &output))
    #expect(output == LabelSet(["b": "2"]).packed)
  }

  @Test func `bytes that are not UTF-8 pass untouched through the default regex`() throws {
    var relabeller = Relabeller([try RelabelRule(sourceLabels: ["a"], targetLabel: "b")])
    var packed: [UInt8] = []
    appendLengthPrefixed(Array("a".utf8).span, to: &packed)
    appendLengthPrefixed(([0xff, 0x00, 0xc3] as [UInt8]).span, to: &packed)
    var expected = packed
    appendLengthPrefixed(Array("b".utf8).span, to: &expected)
    appendLengthPrefixed(([0xff, 0x00, 0xc3] as [UInt8]).span, to: &expected)
    var output: [UInt8] = []
    #expect(relabeller.apply(to: packed.span, into: &output))
    #expect(output == expected)
  }

  @Test func `long values and many labels survive`() throws {
    let long = String(repeating: "x", count: 70_000)
    var labels = Dictionary(uniqueKeysWithValues: (0..<300).map { ("l\($0)", "\($0)") })
    labels["long"] = long
    let relabeller = Relabeller([
      try RelabelRule(sourceLabels: ["long"], targetLabel: "copy"),
      try RelabelRule(regex: "l(\\d+)", replacement: "m$1", action: .labelmap),
    ])
    let result = relabeller.apply(to: labels)
    #expect(result?.count == 602)
    #expect(result?["copy"] == long)
    #expect(result?["m299"] == "299")
  }

  @Test func `random rules do what a naive implementation does`() throws {
    var random = SeededGenerator(state: 20_261_123)
    var drops = 0
    for round in 0..<3000 {
      let rules = (0..<Int.random(in: 1...5, using: &random)).map { _ in randomRule(&random) }
      let labels = randomLabels(&random)
      let expected = NaiveRelabelling.apply(rules, to: labels)
      var relabeller = Relabeller(rules)
      #expect(relabeller.apply(to: labels) == expected, "round \(round): \(rules) of \(labels)")
      var output: [UInt8] = []
      let kept = relabeller.apply(to: LabelSet(labels).packed.span, into: &output)
      #expect(kept == (expected?.isEmpty == false), "round \(round)")
      if kept, let expected { #expect(output == LabelSet(expected).packed, "round \(round): \(rules) of \(labels)") }
      if expected == nil { drops += 1 }
    }
    #expect((300...2700).contains(drops), "most rounds dropped or kept everything: \(drops) of 3000")
  }

  private let names = ["__name__", "A", "a", "ab", "b", "instance", "__meta_a", "zone"]

  private func randomLabels(_ random: inout SeededGenerator) -> [String: String] {
    var labels: [String: String] = [:]
    for name in names where Bool.random(using: &random) {
      labels[name] = ["1", "x:y", "ab", "", "A", "a;b", "-"].randomElement(using: &random)
    }
    return labels
  }

  /// Draws until a rule is valid.
  private func randomRule(_ random: inout SeededGenerator) -> RelabelRule {
    let regexes = ["(.*)", ".*", "(.+)", "a|ab|1", "(a)|b", "([^:]+):(?P<p>.*)", "(?:__meta_)?(.)", "x.*", "", "A|"]
    while true {
      let sources = names.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random))
      let action = RelabelRule.Action.allCases.randomElement(using: &random) ?? .replace
      if action == .hashmod { continue }
      let rule = try? RelabelRule(
        sourceLabels: action == .labeldrop || action == .labelkeep ? [] : Array(sources),
        separator: action == .replace ? [";", "", ":"].randomElement(using: &random) ?? ";" : ";",
        regex: action == .keepequal || action == .dropequal
          ? RelabelRule.defaultRegex : regexes.randomElement(using: &random) ?? "",
        targetLabel: action == .labeldrop || action == .labelkeep
          ? "" : ["a", "b", "new", "$1", "${p}_x", "__name__"].randomElement(using: &random) ?? "",
        replacement: action == .replace || action == .labelmap
          ? ["$1", "", "k", "m_$1", "${1}_${p}", "$1x", "$$1", "$0"].randomElement(using: &random) ?? "" : "$1",
        action: action)
      // The text `$1` as the name of a target is only expanded by `replace`.
      if let rule, action == .replace || !rule.targetLabel.contains("$") { return rule }
    }
  }
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
