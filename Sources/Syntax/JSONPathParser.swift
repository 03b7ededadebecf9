// SPDX-License-Identifier: Apache-2.0

/// Reads the text of a path.
struct JSONPathParser {
  private let text: [Unicode.Scalar]
  private var offset = 0
  private var depth = 0

  init(_ text: String) { self.text = Array(text.unicodeScalars) }

  mutating func parsePath() throws(ConversionError) -> [JSONPath.Step] {
    skipBlanks()
    if !take("$") { _ = take("@") }
    let steps = try parseSteps(bareFirst: true)
    skipBlanks()
    guard offset == text.count else { throw failure("unexpected '\(text[offset])'") }
    return steps
  }

  private mutating func parseSteps(bareFirst: Bool) throws(ConversionError) -> [JSONPath.Step] {
    var steps: [JSONPath.Step] = []
    if bareFirst, offset == 0, let first = peek, first != ".", first != "[" {
      steps.append(JSONPath.Step(selectors: [try parseName()]))
    }
    while let next = peek, next == "." || next == "[" {
      if take("[") {
        steps.append(JSONPath.Step(selectors: try parseBrackets()))
        continue
      }
      offset += 1
      let descends = take(".")
      if take("[") {
        steps.append(JSONPath.Step(descends: descends, selectors: try parseBrackets()))
      } else {
        steps.append(JSONPath.Step(descends: descends, selectors: [try parseName()]))
      }
    }
    return steps
  }

  private mutating func parseName() throws(ConversionError) -> JSONPath.Selector {
    if take("*") { return .all }
    var name = String.UnicodeScalarView()
    while let next = peek, isLetter(next) || isDigit(next) || next == "-" || next == "$" {
      name.append(next)
      offset += 1
    }
    guard !name.isEmpty else { throw failure("a name is expected") }
    return .name(String(name))
  }

  private mutating func parseBrackets() throws(ConversionError) -> [JSONPath.Selector] {
    var selectors: [JSONPath.Selector] = []
    repeat {
      skipBlanks()
      selectors.append(try parseSelector())
      skipBlanks()
    } while take(",")
    guard take("]") else { throw failure("']' is expected") }
    return selectors
  }

  private mutating func parseSelector() throws(ConversionError) -> JSONPath.Selector {
    switch peek {
    case "*":
      offset += 1
      return .all
    case "'", "\"": return .name(try parseQuoted())
    case "?":
      offset += 1
      return .filter(try parseOr())
    default: return try parseIndexOrSlice()
    }
  }

  private mutating func parseIndexOrSlice() throws(ConversionError) -> JSONPath.Selector {
    let start = parseInt()
    skipBlanks()
    guard take(":") else {
      guard let start else { throw failure("an index, a quoted name, '*' or '?' is expected") }
      return .index(start)
    }
    skipBlanks()
    let end = parseInt()
    skipBlanks()
    guard take(":") else { return .slice(start, end, 1) }
    skipBlanks()
    return .slice(start, end, parseInt() ?? 1)
  }

  private mutating func parseInt() -> Int? {
    var digits = ""
    if peek == "-" { digits.unicodeScalars.append("-") }
    var end = offset + digits.count
    while end < text.count, ("0"..."9").contains(text[end]), digits.count < 12 {
      digits.unicodeScalars.append(text[end])
      end += 1
    }
    guard let value = Int(digits) else { return nil }
    offset = end
    return value
  }

  private mutating func parseQuoted() throws(ConversionError) -> String {
    guard let quote = peek else { throw failure("a string is expected") }
    offset += 1
    var name = String.UnicodeScalarView()
    while let next = peek, next != quote {
      if next == "\\", offset + 1 < text.count { offset += 1 }
      name.append(text[offset])
      offset += 1
    }
    guard take(quote) else { throw failure("a string is not closed") }
    return String(name)
  }

  // MARK: - Filters

  private mutating func parseOr() throws(ConversionError) -> JSONPath.Filter {
    depth += 1
    defer { depth -= 1 }
    guard depth < 64 else { throw failure("nested too deeply") }
    var left = try parseAnd()
    while takeBoth("|", "|") { left = .or(left, try parseAnd()) }
    return left
  }

  private mutating func parseAnd() throws(ConversionError) -> JSONPath.Filter {
    var left = try parseTerm()
    while takeBoth("&", "&") { left = .and(left, try parseTerm()) }
    return left
  }

  private mutating func parseTerm() throws(ConversionError) -> JSONPath.Filter {
    skipBlanks()
    if take("(") {
      let inner = try parseOr()
      skipBlanks()
      guard take(")") else { throw failure("')' is expected") }
      return inner
    }
    if peek == "!" {
      offset += 1
      depth += 1
      defer { depth -= 1 }
      guard depth < 64 else { throw failure("nested too deeply") }
      return .not(try parseTerm())
    }
    let left = try parseOperand()
    skipBlanks()
    for op in ["==", "!=", "<=", ">=", "<", ">"] {
      let scalars = Array(op.unicodeScalars)
      guard text[offset...].starts(with: scalars) else { continue }
      offset += scalars.count
      return .compare(left, op, try parseOperand())
    }
    return .exists(left)
  }

  private mutating func parseOperand() throws(ConversionError) -> JSONPath.Operand {
    skipBlanks()
    switch peek {
    case "@", "$":
      let fromRoot = peek == "$"
      offset += 1
      depth += 1
      defer { depth -= 1 }
      guard depth < 64 else { throw failure("nested too deeply") }
      return .path(try parseSteps(bareFirst: false), fromRoot: fromRoot)
    case "'", "\"": return .value(.string(try parseQuoted()))
    default: break
    }
    var word = String.UnicodeScalarView()
    while let next = peek, isLetter(next) || isDigit(next) || "+-.".unicodeScalars.contains(next) {
      word.append(next)
      offset += 1
    }
    switch String(word) {
    case "true": return .value(.bool(true))
    case "false": return .value(.bool(false))
    case "null": return .value(.null)
    case let text:
      if let int = Int64(text) { return .value(.int(int)) }
      guard let float = Double(text) else { throw failure("a value is expected") }
      return .value(.float(float))
    }
  }

  // MARK: - Characters

  private var peek: Unicode.Scalar? { offset < text.count ? text[offset] : nil }

  private mutating func skipBlanks() {
    while peek == " " || peek == "\t" || peek == "\n" { offset += 1 }
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    offset += 1
    return true
  }

  private mutating func takeBoth(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard peek == first, offset + 1 < text.count, text[offset + 1] == second else { return false }
    offset += 2
    return true
  }

  private func failure(_ reason: String) -> ConversionError {
    ConversionError("invalid JSONPath at character \(offset + 1): \(reason)")
  }
}
