// SPDX-License-Identifier: Apache-2.0

public import RE2

/// A rule that cannot be applied; said as Alloy says it, since people search for these texts.
public enum RelabelError: Error, Equatable, CustomStringConvertible {
  /// `action` names none.
  case unknownAction(String)
  /// `hashmod` without a modulus.
  case missingModulus
  /// An action that writes to, or compares with, `target_label`, without one.
  case missingTarget(RelabelRule.Action)
  /// A `target_label` that can never be a label name.
  case invalidTarget(String, RelabelRule.Action)
  /// An action that takes no `replacement`, with one.
  case unexpectedReplacement(RelabelRule.Action)
  /// `labelmap` with a `replacement` that can never be a label name.
  case invalidReplacement(String, RelabelRule.Action)
  /// `labeldrop` or `labelkeep` with more than a `regex`.
  case onlyRegex(RelabelRule.Action)
  /// `keepequal` or `dropequal` with more than `source_labels` and `target_label`.
  case onlySourcesAndTarget(RelabelRule.Action)
  /// A `regex` that does not compile.
  case invalidRegex(PatternError)

  /// One line for the operator.
  public var description: String {
    switch self {
    case .unknownAction(let name): "unrecognized action type \(quoted(name))"
    case .missingModulus: "relabel configuration for hashmod requires non-zero modulus"
    case .missingTarget(let action):
      "relabel configuration for \(action.rawValue) action requires 'target_label' value"
    case .invalidTarget(let target, let action):
      "\(quoted(target)) is invalid 'target_label' for \(action.rawValue) action"
    case .unexpectedReplacement(let action): "'replacement' can not be set for \(action.rawValue) action"
    case .invalidReplacement(let replacement, let action):
      "\(quoted(replacement)) is invalid 'replacement' for \(action.rawValue) action"
    case .onlyRegex(let action): "\(action.rawValue) action requires only 'regex', and no other fields"
    case .onlySourcesAndTarget(let action):
      "\(action.rawValue) action requires only 'source_labels' and 'target_label', and no other fields"
    case .invalidRegex(let error): error.description
    }
  }
}

private func quoted(_ text: String) -> String {
  let escaped = text.unicodeScalars.map { scalar in
    switch scalar {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\n": "\\n"
    default: String(scalar)
    }
  }
  return "\"\(escaped.joined())\""
}
