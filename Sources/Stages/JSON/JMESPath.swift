// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A JMESPath expression, as far as people use it on logs, compiled once.
///
/// ```
/// expression = either { "|" either }
/// either     = chain { "||" chain }
/// chain      = first { "." name | "." "*" | "[" number "]" | "[*]" }
/// first      = name | "*" | "[" number "]" | "[*]" | "@" | 'raw' | `json` | "(" expression ")"
/// name       = letters, digits and _ | "quoted"
/// ```
struct JMESPath: Sendable {
  /// What an expression finds.
  enum Result {
    case null
    /// In the document.
    case found(JSONScanner.Value)
    /// In a literal, which is a document of its own.
    case literal([UInt8], JSONScanner.Value)
    case list([Result])
  }

  indirect enum Expression: Sendable {
    case chain(First, [Step])
    case either(Expression, Expression)
    case pipe(Expression, Expression)
  }

  enum First: Sendable {
    case current
    case literal([UInt8], JSONScanner.Value)
    case nested(Expression)
  }

  enum Step: Sendable {
    case key([UInt8])
    case index(Int)
    case elements
    case values
  }

  private let expression: Expression

  /// Compiles `source`.
  init(_ source: String) throws(JMESPathError) {
    var parser = JMESPathParser(source)
    expression = try parser.parse()
  }

  /// The keys to follow one after the other, where that is all there is to do.
  var plainPath: [[UInt8]]? {
    guard case .chain(.current, let steps) = expression else { return nil }
    var keys: [[UInt8]] = []
    for step in steps {
      guard case .key(let key) = step else { return nil }
      keys.append(key)
    }
    return keys
  }

  /// What the expression finds in a document, which must be well-formed.
  func search(_ document: JSONScanner.Value, in text: Span<UInt8>) -> Result {
    Self.evaluate(expression, .found(document), text)
  }

  private static func evaluate(_ expression: Expression, _ current: Result, _ text: Span<UInt8>) -> Result {
    switch expression {
    case .chain(let first, let steps): return follow(steps[...], begin(first, current, text), text)
    case .pipe(let left, let right): return evaluate(right, evaluate(left, current, text), text)
    case .either(let left, let right):
      let found = evaluate(left, current, text)
      return isTrue(found, text) ? found : evaluate(right, current, text)
    }
  }

  private static func begin(_ first: First, _ current: Result, _ text: Span<UInt8>) -> Result {
    switch first {
    case .current: current
    case .literal(let bytes, let value): value.kind == .null ? .null : .literal(bytes, value)
    case .nested(let expression): evaluate(expression, current, text)
    }
  }

  /// Follows steps; those after a `*` are followed from each element.
  private static func follow(_ steps: ArraySlice<Step>, _ start: Result, _ text: Span<UInt8>) -> Result {
    var current = start
    for (index, step) in zip(steps.indices, steps) {
      switch step {
      case .key(let key): current = member(key, of: current, text)
      case .index(let number): current = element(number, of: current, text)
      case .elements, .values:
        guard let parts = parts(of: current, step, text) else { return .null }
        let rest = steps[(index + 1)...]
        return .list(
          parts.compactMap { part in
            let found = follow(rest, part, text)
            if case .null = found { return nil }
            return found
          })
      }
    }
    return current
  }

  private static func member(_ key: [UInt8], of result: Result, _ text: Span<UInt8>) -> Result {
    switch result {
    case .null, .list: .null
    case .found(let value): jsonMember(key, of: value, in: text).map { wrap($0) } ?? .null
    case .literal(let bytes, let value):
      jsonMember(key, of: value, in: bytes.span).map { wrap($0, bytes) } ?? .null
    }
  }

  private static func element(_ number: Int, of result: Result, _ text: Span<UInt8>) -> Result {
    if case .list(let results) = result {
      let index = number < 0 ? results.count + number : number
      return results.indices.contains(index) ? results[index] : .null
    }
    // Counting from the end needs to know where that is.
    guard number < 0 else { return elements(of: result, upTo: number, text)?[checked: number] ?? .null }
    guard let all = elements(of: result, upTo: .max, text) else { return .null }
    return all[checked: all.count + number] ?? .null
  }

  private static func parts(of result: Result, _ step: Step, _ text: Span<UInt8>) -> [Result]? {
    if case .elements = step {
      if case .list(let results) = result { return results }
      return elements(of: result, upTo: .max, text)
    }
    return nested(result, .object, upTo: .max, text)
  }

  private static func elements(of result: Result, upTo last: Int, _ text: Span<UInt8>) -> [Result]? {
    nested(result, .array, upTo: last, text)
  }

  private static func nested(
    _ result: Result, _ kind: JSONScanner.Kind, upTo last: Int, _ text: Span<UInt8>
  ) -> [Result]? {
    switch result {
    case .null, .list: return nil
    case .found(let value):
      guard value.kind == kind else { return nil }
      return collect(value, upTo: last, text) { wrap($0) }
    case .literal(let bytes, let value):
      guard value.kind == kind else { return nil }
      return collect(value, upTo: last, bytes.span) { wrap($0, bytes) }
    }
  }

  private static func collect(
    _ value: JSONScanner.Value, upTo last: Int, _ text: Span<UInt8>, _ wrap: (JSONScanner.Value) -> Result
  ) -> [Result] {
    var results: [Result] = []
    var members = JSONMembers(of: value)
    while results.count <= last, let member = members.next(text) { results.append(wrap(member.value)) }
    return results
  }

  private static func wrap(_ value: JSONScanner.Value) -> Result { value.kind == .null ? .null : .found(value) }

  private static func wrap(_ value: JSONScanner.Value, _ bytes: [UInt8]) -> Result {
    value.kind == .null ? .null : .literal(bytes, value)
  }

  /// Whether `||` stops here: not for null, false, and what is empty.
  private static func isTrue(_ result: Result, _ text: Span<UInt8>) -> Bool {
    switch result {
    case .null: false
    case .list(let results): !results.isEmpty
    case .found(let value): isTrue(value, text)
    case .literal(let bytes, let value): isTrue(value, bytes.span)
    }
  }

  private static func isTrue(_ value: JSONScanner.Value, _ text: Span<UInt8>) -> Bool {
    switch value.kind {
    case .null: return false
    case .bool: return text[value.range.lowerBound] == UInt8(ascii: "t")
    case .number: return true
    case .string: return value.range.count > 2
    case .object, .array:
      var members = JSONMembers(of: value)
      return members.next(text) != nil
    }
  }
}

/// The member called `key` of an object: the last one, should there be several.
func jsonMember(_ key: [UInt8], of value: JSONScanner.Value, in text: Span<UInt8>) -> JSONScanner.Value? {
  guard value.kind == .object else { return nil }
  var found: JSONScanner.Value?
  var members = JSONMembers(of: value)
  while let member = members.next(text) {
    if isKey(key, text, member.key) { found = member.value }
  }
  return found
}

/// Whether what stands between the quotes of a key means `key`.
func isKey(_ key: [UInt8], _ text: Span<UInt8>, _ content: Range<Int>) -> Bool {
  if content.count == key.count, equal(text.extracting(content), key.span) { return true }
  // An escape is longer than what it stands for.
  guard content.count > key.count, hasEscape(text, content) else { return false }
  var unescaped: [UInt8] = []
  return appendUnescaped(text, content, to: &unescaped) && unescaped == key
}

extension JMESPath.Result {
  /// Whether there is nothing.
  var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  /// What kind of value it is.
  var kind: JSONScanner.Kind {
    switch self {
    case .null: .null
    case .found(let value), .literal(_, let value): value.kind
    case .list: .array
    }
  }

  /// Appends what it is as text; nothing for null.
  func appendText(in text: Span<UInt8>, to output: inout [UInt8]) {
    switch self {
    case .null: break
    case .found(let value): Stages.appendText(of: value, in: text, to: &output)
    case .literal(let bytes, let value): Stages.appendText(of: value, in: bytes.span, to: &output)
    case .list: appendCompact(in: text, to: &output)
    }
  }

  private func appendCompact(in text: Span<UInt8>, to output: inout [UInt8]) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .found(let value): Stages.appendCompact(value, in: text, to: &output)
    case .literal(let bytes, let value): Stages.appendCompact(value, in: bytes.span, to: &output)
    case .list(let results):
      output.append(UInt8(ascii: "["))
      for (index, result) in results.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        result.appendCompact(in: text, to: &output)
      }
      output.append(UInt8(ascii: "]"))
    }
  }
}

extension Array {
  fileprivate subscript(checked index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
