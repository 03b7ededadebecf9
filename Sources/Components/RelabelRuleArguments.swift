// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Relabel
internal import Syntax

extension RelabelRule {
  /// The rules in blocks called `name`, in file order; one with a mistake is reported and left out.
  static func decode(_ name: String, of block: BlockDecoder) -> [RelabelRule] {
    block.blocks(name).compactMap { decode($0) }
  }

  private static func decode(_ block: BlockDecoder) -> RelabelRule? {
    let sourceLabels = block.optional("source_labels", .list(of: .string), default: [])
    let separator = block.optional("separator", .string, default: ";")
    let regex = block.optional("regex", .string, default: RelabelRule.defaultRegex)
    let modulus = block.optional("modulus", .uint, default: 0)
    let targetLabel = block.optional("target_label", .string, default: "")
    let replacement = block.optional("replacement", .string, default: "$1")
    let actionName = block.optional("action", .string, default: "replace")
    guard let action = Action(rawValue: actionName) else {
      let hint = closestName(to: actionName, among: Action.allCases.map(\.rawValue)).map { "did you mean \"\($0)\"?" }
      block.error("unknown action \(actionName)", at: "action", hint: hint)
      return nil
    }
    do throws(RelabelError) {
      return try RelabelRule(
        sourceLabels: sourceLabels, separator: separator, regex: regex, modulus: UInt64(modulus),
        targetLabel: targetLabel, replacement: replacement, action: action)
    } catch {
      if case .invalidRegex = error {
        block.error("\(error)", at: "regex", hint: "RE2 syntax: no look-around and no back-references")
      } else {
        block.error("\(error)")
      }
      return nil
    }
  }
}

extension ValueType where T == Pattern? {
  /// A regular expression in RE2 syntax.
  static func pattern(_ anchoring: Pattern.Anchoring) -> ValueType<Pattern?> {
    ValueType<String>.string.then(empty: nil) { text throws(ConversionError) in
      do throws(PatternError) { return try Pattern(text, anchoring) } catch {
        throw ConversionError(error.description, hint: "RE2 syntax: no look-around and no back-references")
      }
    }
  }
}
