// SPDX-License-Identifier: Apache-2.0

/// A word of the language.
struct Token: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case illegal, endOfFile, terminator
    case identifier, number, float, string, bool, null
    /// An operator or bracket; the text says which.
    case symbol(String)
  }

  var kind: Kind
  /// Its first byte.
  var start: Int
  /// Past its last byte.
  var end: Int

  /// What messages call it.
  var name: String {
    switch kind {
    case .illegal: "ILLEGAL"
    case .endOfFile: "EOF"
    case .terminator: "TERMINATOR"
    case .identifier: "IDENT"
    case .number: "NUMBER"
    case .float: "FLOAT"
    case .string: "STRING"
    case .bool: "BOOL"
    case .null: "NULL"
    case .symbol(let text): text
    }
  }

  /// Whether a newline after it ends the statement.
  var endsStatement: Bool {
    switch kind {
    case .identifier, .number, .float, .string, .bool, .null: true
    case .symbol(let text): text == ")" || text == "]" || text == "}"
    case .illegal, .endOfFile, .terminator: false
    }
  }
}

/// A comment with its slashes, without the newline that ends it.
struct Comment: Sendable, Equatable {
  var start: Int
  /// Past its last byte.
  var end: Int
  /// `// …`, as against `/* … */`.
  var isLine: Bool
}

/// Whether `text` could be an identifier or keyword.
func isIdentifier(_ text: String) -> Bool {
  guard let first = text.unicodeScalars.first, isLetter(first) else { return false }
  return text.unicodeScalars.allSatisfy { isLetter($0) || isDigit($0) }
}

func isLetter(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_" }
  switch scalar.properties.generalCategory {
  case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
  default: return false
  }
}

func isDigit(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return ("0"..."9").contains(scalar) }
  return scalar.properties.generalCategory == .decimalNumber
}
