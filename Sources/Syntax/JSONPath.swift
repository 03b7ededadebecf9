// SPDX-License-Identifier: Apache-2.0

/// A path into a JSON document: `$.a['b'][0][-1][1:3][*]..c[?(@.price < 10 && @.name)]`.
///
/// The fields of objects are visited in the order of their names.
struct JSONPath: Sendable {
  enum Selector: Sendable {
    case name(String)
    case index(Int)
    case slice(Int?, Int?, Int)
    case all
    indirect case filter(Filter)
  }

  struct Step: Sendable {
    var descends = false
    var selectors: [Selector]
  }

  indirect enum Filter: Sendable {
    case or(Filter, Filter)
    case and(Filter, Filter)
    case not(Filter)
    case compare(Operand, String, Operand)
    case exists(Operand)
  }

  enum Operand: Sendable {
    case value(Value)
    case path([Step], fromRoot: Bool)
  }

  private let steps: [Step]

  /// Reads `text`; the `$` at the beginning may be left out.
  init(_ text: String) throws(ConversionError) {
    var parser = JSONPathParser(text)
    steps = try parser.parsePath()
  }

  /// The matches in `document`, in the order of the document.
  func matches(in document: Value) throws(ConversionError) -> [Value] {
    try JSONPathSearch(root: document).find(steps, from: document)
  }
}

private struct JSONPathSearch {
  let root: Value

  /// A path that finds more is refused.
  private static let most = 100_000

  func find(_ steps: [JSONPath.Step], from start: Value) throws(ConversionError) -> [Value] {
    var found = [start]
    for step in steps {
      var next: [Value] = []
      for value in found {
        var places = [value]
        if step.descends { try appendDescendants(of: value, to: &places) }
        for place in places {
          for selector in step.selectors { next += try select(selector, in: place) }
        }
        guard next.count <= Self.most else { throw tooMany }
      }
      found = next
    }
    return found
  }

  private var tooMany: ConversionError { ConversionError("the path matches more than \(Self.most) values") }

  private func appendDescendants(of value: Value, to places: inout [Value]) throws(ConversionError) {
    for child in children(value) {
      places.append(child)
      guard places.count <= Self.most else { throw tooMany }
      try appendDescendants(of: child, to: &places)
    }
  }

  private func children(_ value: Value) -> [Value] {
    switch value {
    case .array(let elements): elements
    case .object(let fields): fields.sorted { $0.key < $1.key }.map(\.value)
    default: []
    }
  }

  private func select(_ selector: JSONPath.Selector, in value: Value) throws(ConversionError) -> [Value] {
    switch (selector, value) {
    case (.name(let name), .object(let fields)): return fields[name].map { [$0] } ?? []
    case (.all, _): return children(value)
    case (.index(let index), .array(let elements)):
      let position = index < 0 ? elements.count + index : index
      return elements.indices.contains(position) ? [elements[position]] : []
    case (.slice(let start, let end, let step), .array(let elements)): return slice(elements, start, end, step)
    case (.filter(let filter), _):
      var kept: [Value] = []
      for child in children(value) where try holds(filter, child) { kept.append(child) }
      return kept
    default: return []
    }
  }

  private func slice(_ elements: [Value], _ start: Int?, _ end: Int?, _ step: Int) -> [Value] {
    guard step != 0 else { return [] }
    func position(_ index: Int?, _ absent: Int) -> Int {
      guard let index else { return absent }
      let fromStart = index < 0 ? elements.count + index : index
      return step > 0 ? min(max(fromStart, 0), elements.count) : min(max(fromStart, -1), elements.count - 1)
    }
    let from = position(start, step > 0 ? 0 : elements.count - 1)
    let to = position(end, step > 0 ? elements.count : -1)
    return stride(from: from, to: to, by: step).map { elements[$0] }
  }

  private func holds(_ filter: JSONPath.Filter, _ value: Value) throws(ConversionError) -> Bool {
    switch filter {
    case .or(let left, let right):
      let first = try holds(left, value)
      return try holds(right, value) || first
    case .and(let left, let right):
      let first = try holds(left, value)
      return try holds(right, value) && first
    case .not(let inner): return try !holds(inner, value)
    case .exists(let operand): return try operandValue(operand, value) != nil
    case .compare(let left, let op, let right):
      return compare(try operandValue(left, value), op, try operandValue(right, value))
    }
  }

  private func operandValue(_ operand: JSONPath.Operand, _ value: Value) throws(ConversionError) -> Value? {
    switch operand {
    case .value(let value): return value
    case .path(let steps, let fromRoot): return try find(steps, from: fromRoot ? root : value).first
    }
  }

  private func compare(_ left: Value?, _ op: String, _ right: Value?) -> Bool {
    guard let left, let right else { return op == "!=" && (left != nil || right != nil) }
    switch op {
    case "==": return equal(left, right)
    case "!=": return !equal(left, right)
    default: break
    }
    let order: Int
    if let leftNumber = left.number?.asDouble, let rightNumber = right.number?.asDouble {
      order = leftNumber < rightNumber ? -1 : leftNumber == rightNumber ? 0 : 1
    } else if case .string(let leftText) = left, case .string(let rightText) = right {
      order = leftText == rightText ? 0 : leftText.utf8.lexicographicallyPrecedes(rightText.utf8) ? -1 : 1
    } else {
      return false
    }
    switch op {
    case "<": return order < 0
    case "<=": return order <= 0
    case ">": return order > 0
    default: return order >= 0
    }
  }
}

private struct JSONPathParser {
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
