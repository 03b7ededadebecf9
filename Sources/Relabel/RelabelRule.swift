// SPDX-License-Identifier: Apache-2.0

public import RE2

/// One `rule` block, checked.
public struct RelabelRule: Equatable, Sendable {
  /// What a rule does.
  public enum Action: String, Sendable, CaseIterable {
    /// Sets `target_label` to the expanded `replacement` where `regex` matches.
    case replace
    /// Drops what `regex` does not match.
    case keep
    /// Drops what `regex` matches.
    case drop
    /// Drops what is not equal to `target_label`'s value.
    case keepequal
    /// Drops what is equal to `target_label`'s value.
    case dropequal
    /// Sets `target_label` to a hash below `modulus`.
    case hashmod
    /// Copies labels whose names match to the expanded names.
    case labelmap
    /// Removes labels whose names match.
    case labeldrop
    /// Removes labels whose names do not match.
    case labelkeep
    /// Sets `target_label` to the value in lower case.
    case lowercase
    /// Sets `target_label` to the value in upper case.
    case uppercase

    /// The action called `name` in a configuration.
    public init(named name: String) throws(RelabelError) {
      guard let action = Action(rawValue: name) else { throw .unknownAction(name) }
      self = action
    }
  }

  /// The labels whose values, joined, are the value the rule looks at.
  public let sourceLabels: [String]
  /// What joins them.
  public let separator: String
  /// What the value, or with `labelmap`, `labeldrop` and `labelkeep` the labels' names, must match as a whole.
  public let regex: Pattern
  /// For `hashmod`.
  public let modulus: UInt64
  /// The label that is written or compared with; may refer to groups with `replace`.
  public let targetLabel: String
  /// What is written; may refer to groups.
  public let replacement: String
  /// What the rule does.
  public let action: Action

  /// The text of `regex` where none is given.
  public static let defaultRegex = "(.*)"

  /// A rule, with Alloy's defaults for what is left out.
  public init(
    sourceLabels: [String] = [], separator: String = ";", regex: String = Self.defaultRegex, modulus: UInt64 = 0,
    targetLabel: String = "", replacement: String = "$1", action: Action = .replace
  ) throws(RelabelError) {
    self.sourceLabels = sourceLabels
    self.separator = separator
    self.modulus = modulus
    self.targetLabel = targetLabel
    self.replacement = replacement
    self.action = action
    do {
      self.regex = try Pattern(regex, .full)
    } catch {
      throw .invalidRegex(error)
    }
    try validate()
  }

  private func validate() throws(RelabelError) {
    if action == .hashmod && modulus == 0 { throw .missingModulus }
    switch action {
    case .replace, .lowercase, .uppercase, .keepequal, .dropequal:
      if targetLabel.isEmpty { throw .missingTarget(action) }
      if !isNameTemplate(targetLabel) { throw .invalidTarget(targetLabel, action) }
      if action != .replace && replacement != "$1" { throw .unexpectedReplacement(action) }
    case .hashmod:
      if targetLabel.isEmpty { throw .missingTarget(action) }
      if !isLabelName(Array(targetLabel.utf8)) { throw .invalidTarget(targetLabel, action) }
    case .labelmap:
      if !isNameTemplate(replacement) { throw .invalidReplacement(replacement, action) }
    case .labeldrop, .labelkeep:
      let isBare = sourceLabels.isEmpty && targetLabel.isEmpty && modulus == 0 && separator == ";"
      guard isBare && replacement == "$1" else { throw .onlyRegex(action) }
    case .keep, .drop: break
    }
    if action == .keepequal || action == .dropequal {
      let isBare = regex.source == Self.defaultRegex && modulus == 0 && separator == ";"
      guard isBare else { throw .onlySourcesAndTarget(action) }
    }
  }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`.
func isLabelName(_ name: [UInt8]) -> Bool {
  guard let first = name.first, !isDigit(first) else { return false }
  return name.allSatisfy(isWordByte)
}

/// Word characters and references such as `$1` or `${name}`, not beginning with a digit: what may expand to a name.
private func isNameTemplate(_ text: String) -> Bool {
  let bytes = Array(text.utf8)
  guard let first = bytes.first, !isDigit(first) else { return false }
  var rest = bytes[...]
  while let byte = rest.popFirst() {
    if byte != UInt8(ascii: "$") {
      guard isWordByte(byte) else { return false }
      continue
    }
    let isBraced = rest.first == UInt8(ascii: "{")
    if isBraced { rest.removeFirst() }
    let name = rest.prefix(while: isWordByte)
    rest = rest.dropFirst(name.count)
    guard !name.isEmpty, !isBraced || rest.popFirst() == UInt8(ascii: "}") else { return false }
  }
  return true
}

private func isWordByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
  default: isDigit(byte)
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
