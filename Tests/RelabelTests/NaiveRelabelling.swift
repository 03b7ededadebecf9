// SPDX-License-Identifier: Apache-2.0

import RE2
import Relabel

/// Relabelling written for the eye: Strings, dictionaries, always through RE2. What `Relabeller` is compared with.
struct NaiveRelabelling {
  private var base: [(name: String, value: String)]
  private var set: [(name: String, value: String)] = []

  static func apply(_ rules: [RelabelRule], to labels: [String: String]) -> [String: String]? {
    var state = NaiveRelabelling(
      base: labels.filter { !$0.value.isEmpty }.map { (name: $0.key, value: $0.value) }
        .sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) })
    for rule in rules {
      guard state.apply(rule) else { return nil }
    }
    return Dictionary(uniqueKeysWithValues: state.all.map { ($0.name, $0.value) })
  }

  private init(base: [(name: String, value: String)]) { self.base = base }

  private var all: [(name: String, value: String)] { base + set }

  private func get(_ name: String) -> String { all.first { $0.name == name }?.value ?? "" }

  private mutating func put(_ name: String, _ value: String) {
    base.removeAll { $0.name == name }
    let index = set.firstIndex { $0.name == name }
    switch (index, value) {
    case (let index?, ""): set.remove(at: index)
    case (let index?, _): set[index].value = value
    case (nil, ""): break
    case (nil, _): set.append((name: name, value: value))
    }
  }

  private mutating func apply(_ rule: RelabelRule) -> Bool {
    let value = rule.sourceLabels.map(get).joined(separator: rule.separator)
    switch rule.action {
    case .keep: return rule.regex.matches(value)
    case .drop: return !rule.regex.matches(value)
    case .keepequal: return value == get(rule.targetLabel)
    case .dropequal: return value != get(rule.targetLabel)
    case .lowercase: put(rule.targetLabel, value.lowercased())
    case .uppercase: put(rule.targetLabel, value.uppercased())
    case .labeldrop:
      for label in all where rule.regex.matches(label.name) { put(label.name, "") }
    case .labelkeep:
      for label in all where !rule.regex.matches(label.name) { put(label.name, "") }
    case .labelmap:
      for label in all {
        guard let groups = groups(rule.regex, label.name) else { continue }
        let name = expand(rule.replacement, groups, rule.regex)
        if !name.isEmpty { put(name, label.value) }
      }
    case .replace:
      guard let groups = groups(rule.regex, value) else { break }
      let target = expand(rule.targetLabel, groups, rule.regex)
      guard (try? Pattern("[a-zA-Z_][a-zA-Z0-9_]*", .full))?.matches(target) == true else { break }
      put(target, expand(rule.replacement, groups, rule.regex))
    case .hashmod: break  // the fixtures have digests computed elsewhere
    }
    return true
  }

  private func groups(_ regex: Pattern, _ text: String) -> [String]? {
    let bytes = Array(text.utf8)
    return regex.firstMatch(in: bytes.span)?.map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } ?? "" }
  }

  /// Only well-formed references: `$name` and `${name}`.
  private func expand(_ template: String, _ groups: [String], _ regex: Pattern) -> String {
    var result = ""
    var rest = template[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...].dropFirst()
      if rest.hasPrefix("$") {
        result += "$"
        rest = rest.dropFirst()
        continue
      }
      let name: Substring
      if rest.hasPrefix("{"), let end = rest.firstIndex(of: "}") {
        name = rest.dropFirst()[..<end]
        rest = rest[end...].dropFirst()
      } else {
        name = rest.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
        rest = rest.dropFirst(name.count)
      }
      let number = Int(name) ?? regex.groupNumber(named: String(name)) ?? Int.max
      if number < groups.count { result += groups[number] }
    }
    return result + rest
  }
}
