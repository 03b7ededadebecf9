// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Telemetry

/// Relabelling rules, ready to be applied again and again.
///
/// A value of it belongs to one task: it keeps buffers. Copies share the prepared rules.
public struct Relabeller: Sendable {
  private let steps: [Step]
  private var labels = WorkingLabels()
  private var value: [UInt8] = []  // the joined source values
  private var groups: [Range<Int>?] = []
  private var name: [UInt8] = []
  private var expanded: [UInt8] = []
  private var snapshot: [WorkingLabels.Entry] = []

  /// Prepares `rules`.
  public init(_ rules: [RelabelRule]) { steps = rules.map(Step.init) }

  /// Whether there are no rules, and so nothing to apply.
  public var isEmpty: Bool { steps.isEmpty }

  /// Applies the rules in order to packed labels, and replaces the contents of `output` with what comes of them:
  /// packed, sorted, without empty values. False when a rule drops the series (target, entry), or leaves it no label.
  public mutating func apply(to packed: Span<UInt8>, into output: inout [UInt8]) -> Bool {
    labels.load(packed)
    guard applySteps(), !labels.entries.isEmpty else { return false }
    labels.pack(into: &output)
    return true
  }

  /// Applies the rules to a target's labels; nil when a rule drops it.
  public func apply(to target: [String: String]) -> [String: String]? {
    var copy = self
    copy.labels.load(LabelSet(target).packed.span)
    guard copy.applySteps() else { return nil }
    var packed: [UInt8] = []
    copy.labels.pack(into: &packed)
    var result: [String: String] = [:]
    for label in LabelSet(packed: packed).labels { result[label.name] = label.value }
    return result
  }

  private mutating func applySteps() -> Bool {
    for step in steps {
      guard apply(step) else { return false }
    }
    return true
  }

  /// False when the step drops the series.
  private mutating func apply(_ step: Step) -> Bool {
    switch step.action {
    case .labeldrop: labels.removeAll(where: step.matcher, matches: true)
    case .labelkeep: labels.removeAll(where: step.matcher, matches: false)
    case .labelmap: mapNames(step)
    default:
      join(step)
      return applyToValue(step)
    }
    return true
  }

  private mutating func applyToValue(_ step: Step) -> Bool {
    switch step.action {
    case .keep: return step.matcher.matches(value.span)
    case .drop: return !step.matcher.matches(value.span)
    case .keepequal: return isEqualToTarget(step)
    case .dropequal: return !isEqualToTarget(step)
    case .lowercase: labels.set(step.targetName, to: cased(value, upper: false))
    case .uppercase: labels.set(step.targetName, to: cased(value, upper: true))
    case .hashmod: labels.set(step.targetName, to: Array(String(hash(value) % step.modulus).utf8))
    case .replace: replace(step)
    case .labelmap, .labeldrop, .labelkeep: preconditionFailure("BUG: an action on names, not on a value")
    }
    return true
  }

  /// The joined source values, in `value`.
  private mutating func join(_ step: Step) {
    value.removeAll(keepingCapacity: true)
    for (index, source) in step.sources.enumerated() {
      if index > 0 { value.append(contentsOf: step.separator) }
      if let found = labels.index(of: source) {
        value.append(contentsOf: labels.text[labels.entries[found].value.text])
      }
    }
  }

  private func isEqualToTarget(_ step: Step) -> Bool {
    guard let found = labels.index(of: step.targetName) else { return value.isEmpty }
    return isEqual(labels.text.span.extracting(labels.entries[found].value.text), value.span)
  }

  private mutating func replace(_ step: Step) {
    guard step.matcher.match(value, groups: &groups) else { return }
    if let constant = step.constantReplacement {
      expanded = constant
    } else {
      step.replacement.expand(groups, in: value, into: &expanded)
    }
    if step.isTargetConstant {
      guard step.isTargetNameValid else { return }
      return labels.set(step.targetName, to: expanded)
    }
    step.target.expand(groups, in: value, into: &name)
    guard isLabelName(name) else { return }
    labels.set(name, to: expanded)
  }

  private mutating func mapNames(_ step: Step) {
    snapshot.removeAll(keepingCapacity: true)
    snapshot.append(contentsOf: labels.entries)
    for entry in snapshot {
      value.removeAll(keepingCapacity: true)
      value.append(contentsOf: labels.text[entry.name.text])
      guard step.matcher.match(value, groups: &groups) else { continue }
      step.replacement.expand(groups, in: value, into: &name)
      guard !name.isEmpty else { continue }
      expanded.removeAll(keepingCapacity: true)
      expanded.append(contentsOf: labels.text[entry.value.text])
      labels.set(name, to: expanded)
    }
  }
}

/// A rule, prepared. A class, because a struct of this many arrays costs as many reference counts at each step.
private final class Step: Sendable {
  let action: RelabelRule.Action
  let sources: [[UInt8]]
  let separator: [UInt8]
  let matcher: ValueMatcher
  let modulus: UInt64
  let target: Template
  let targetName: [UInt8]  // as written; with `replace`, what it expands to where that is constant
  let isTargetConstant: Bool
  let isTargetNameValid: Bool
  let replacement: Template
  let constantReplacement: [UInt8]?

  init(_ rule: RelabelRule) {
    action = rule.action
    sources = rule.sourceLabels.map { Array($0.utf8) }
    separator = Array(rule.separator.utf8)
    matcher = ValueMatcher(rule.regex)
    modulus = rule.modulus
    target = Template(rule.targetLabel, for: rule.regex)
    replacement = Template(rule.replacement, for: rule.regex)
    constantReplacement = replacement.constant
    let constantTarget = target.constant
    isTargetConstant = constantTarget != nil
    targetName = (rule.action == .replace ? constantTarget : nil) ?? Array(rule.targetLabel.utf8)
    isTargetNameValid = isLabelName(targetName)
  }
}

/// The number `hashmod` takes the remainder of: the last eight bytes of the MD5 digest, big-endian.
private func hash(_ value: [UInt8]) -> UInt64 { md5(value)[8...].reduce(0) { $0 << 8 | UInt64($1) } }

/// `value` in one case, scalar by scalar as Go does it: what would become several characters stays as it is.
private func cased(_ value: [UInt8], upper: Bool) -> [UInt8] {
  if value.allSatisfy({ $0 < 0x80 }) {
    let letters = upper ? UInt8(ascii: "a")...UInt8(ascii: "z") : UInt8(ascii: "A")...UInt8(ascii: "Z")
    return value.map { letters.contains($0) ? $0 ^ 0x20 : $0 }
  }
  var result = String.UnicodeScalarView()
  for scalar in String(decoding: value, as: UTF8.self).unicodeScalars {
    let mapped = upper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
    if mapped.unicodeScalars.count == 1 {
      result.append(contentsOf: mapped.unicodeScalars)
    } else {
      result.append(scalar)
    }
  }
  return Array(String(result).utf8)
}
