// SPDX-License-Identifier: Apache-2.0

import RE2
import Relabel
import Testing

@Suite struct RelabelRuleTests {
  @Test func `what is left out is as in Alloy`() throws {
    let rule = try RelabelRule(targetLabel: "x")
    #expect(rule.sourceLabels == [] && rule.separator == ";" && rule.regex.source == "(.*)")
    #expect(rule.modulus == 0 && rule.replacement == "$1" && rule.action == .replace)
    #expect(try rule == RelabelRule(regex: "(.*)", targetLabel: "x"))
    #expect(try rule != RelabelRule(regex: ".*", targetLabel: "x"))
  }

  @Test func `an action nobody knows is refused`() {
    #expect(text { _ = try RelabelRule.Action(named: "Replace") } == "unrecognized action type \"Replace\"")
    #expect(text { _ = try RelabelRule.Action(named: "") } == "unrecognized action type \"\"")
  }

  @Test func `hashmod needs a modulus`() {
    #expect(
      text { _ = try RelabelRule(targetLabel: "x", action: .hashmod) }
        == "relabel configuration for hashmod requires non-zero modulus")
  }

  @Test(arguments: [RelabelRule.Action.replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal])
  func `actions with a target need one that can be a label name`(_ action: RelabelRule.Action) {
    #expect(
      text { _ = try RelabelRule(modulus: 1, action: action) }
        == "relabel configuration for \(action.rawValue) action requires 'target_label' value")
    for target in ["1a", "a-b", "a$", "a${", "${}", "a\"b", " "] {
      let shown = target == "a\"b" ? "a\\\"b" : target
      #expect(
        text { _ = try RelabelRule(modulus: 1, targetLabel: target, action: action) }
          == "\"\(shown)\" is invalid 'target_label' for \(action.rawValue) action")
    }
  }

  @Test func `a target may be made of groups, but not for hashmod`() throws {
    for target in ["$1", "${1}_x", "_${name}9", "a$b"] { _ = try RelabelRule(targetLabel: target) }
    #expect(
      text { _ = try RelabelRule(modulus: 1, targetLabel: "$1", action: .hashmod) }
        == "\"$1\" is invalid 'target_label' for hashmod action")
  }

  @Test(arguments: [RelabelRule.Action.lowercase, .uppercase, .keepequal, .dropequal])
  func `actions that replace nothing take no replacement`(_ action: RelabelRule.Action) {
    #expect(
      text { _ = try RelabelRule(targetLabel: "x", replacement: "y", action: action) }
        == "'replacement' can not be set for \(action.rawValue) action")
  }

  @Test func `labelmap needs a replacement that can be a label name`() {
    #expect(
      text { _ = try RelabelRule(replacement: "a-$1", action: .labelmap) }
        == "\"a-$1\" is invalid 'replacement' for labelmap action")
  }

  @Test(arguments: [RelabelRule.Action.labeldrop, .labelkeep])
  func `actions on names take only a regex`(_ action: RelabelRule.Action) throws {
    let reason = "\(action.rawValue) action requires only 'regex', and no other fields"
    _ = try RelabelRule(regex: "a", action: action)
    #expect(text { _ = try RelabelRule(sourceLabels: ["a"], action: action) } == reason)
    #expect(text { _ = try RelabelRule(separator: ",", action: action) } == reason)
    #expect(text { _ = try RelabelRule(modulus: 1, action: action) } == reason)
    #expect(text { _ = try RelabelRule(targetLabel: "a", action: action) } == reason)
    #expect(text { _ = try RelabelRule(replacement: "a", action: action) } == reason)
  }

  @Test(arguments: [RelabelRule.Action.keepequal, .dropequal])
  func `comparisons take only sources and a target`(_ action: RelabelRule.Action) throws {
    let reason = "\(action.rawValue) action requires only 'source_labels' and 'target_label', and no other fields"
    _ = try RelabelRule(sourceLabels: ["a"], targetLabel: "b", action: action)
    #expect(text { _ = try RelabelRule(regex: "a", targetLabel: "b", action: action) } == reason)
    #expect(text { _ = try RelabelRule(modulus: 1, targetLabel: "b", action: action) } == reason)
    #expect(text { _ = try RelabelRule(separator: "", targetLabel: "b", action: action) } == reason)
  }

  @Test func `a regex that does not compile says why`() {
    #expect(
      text { _ = try RelabelRule(regex: "(a", targetLabel: "x") }
        == "invalid regular expression \"(a\": missing ): (a")
  }

  private func text(_ make: () throws -> Void) -> String {
    do {
      try make()
      return "no error"
    } catch {
      return "\(error)"
    }
  }
}
