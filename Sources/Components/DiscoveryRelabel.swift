// SPDX-License-Identifier: Apache-2.0

internal import Relabel
internal import Runtime
internal import Syntax

/// `discovery.relabel`: changes or drops targets by rules on their labels.
final class DiscoveryRelabel: Component {
  let exports: [String: Value]
  private let context: ComponentContext

  static let kind = ComponentKind("discovery.relabel") { block, context in
    let targets = block.required("targets", .targets)
    let rules = RelabelRule.decode("rule", of: block)
    return DiscoveryRelabel(targets: targets, rules: rules, context: context)
  }

  private init(targets: [[String: String]], rules: [RelabelRule], context: ComponentContext) {
    self.context = context
    let relabeller = Relabeller(rules)
    let output = targets.compactMap { relabeller.apply(to: $0) }
    exports = [
      "output": .array(output.map { .object($0.mapValues { .string($0) }) }),
      "rules": .capsule(Capsule(kind: relabelRulesKind, object: RelabelRules(rules))),
    ]
  }

  func run() async throws {
    context.reportHealthy()
    await untilCancelled()
  }
}

/// What `rules` exports are called.
let relabelRulesKind = "RelabelRules"

/// Rules that one component has and others apply.
final class RelabelRules: Sendable {
  let rules: [RelabelRule]

  init(_ rules: [RelabelRule]) { self.rules = rules }
}
