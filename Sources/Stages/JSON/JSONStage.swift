// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import RE2

/// `stage.json`: takes values out of a JSON object.
public final class JSONStage: Stage {
  /// What is taken out, and as what.
  private struct Expression {
    var name: [UInt8]
    var path: JMESPath
    /// Whether there are keys to follow and nothing else; the first is looked for while the object is read.
    var isPlain: Bool
    /// The keys after the first.
    var keys: [[UInt8]]
  }

  /// What its drops are counted as.
  public let dropReason = "json_stage"
  private let expressions: [Expression]
  private let firstKeys: [(expression: Int, key: [UInt8])]
  private let pattern: Pattern?
  private let source: [UInt8]?
  private let dropsMalformed: Bool

  private var found: [JSONScanner.Value?] = []  // by number of expression: the value of its first key
  private var matched: [JSONMembers.Member] = []
  private var scratch: [UInt8] = []

  /// - Parameters:
  ///   - expressions: by the name under which what they find is extracted.
  ///   - pattern: the keys of the object that are extracted under their own names.
  ///   - source: what was extracted and is JSON; the line if nil.
  ///   - dropsMalformed: whether an entry without an object is dropped.
  public init(
    _ expressions: [String: JMESPathExpression], keysMatching pattern: Pattern?, source: String?, dropsMalformed: Bool
  ) {
    var plain: [(expression: Int, key: [UInt8])] = []
    var sorted: [Expression] = []
    for (name, expression) in expressions.sorted(by: { $0.key < $1.key }) {
      let keys = expression.path.plainPath ?? []
      if let first = keys.first { plain.append((sorted.count, first)) }
      sorted.append(
        Expression(
          name: Array(name.utf8), path: expression.path, isPlain: !keys.isEmpty, keys: Array(keys.dropFirst())))
    }
    (self.expressions, firstKeys) = (sorted, plain)
    self.pattern = pattern
    self.source = source.map { Array($0.utf8) }
    self.dropsMalformed = dropsMalformed
  }

  /// Extracts the values; an entry without an object stays as it is, unless it is to be dropped.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let range = source.map({ entry.extractedText($0) }) ?? entry.line else { return .pass }
    guard let object = read(entry.bytes.span, range) else { return dropsMalformed ? .drop : .pass }
    for index in expressions.indices {
      guard expressions[index].isPlain else {
        extract(expressions[index], of: object, from: &entry)
        continue
      }
      var value = found[index]
      for key in expressions[index].keys {
        guard let outer = value else { break }
        value = jsonMember(key, of: outer, in: entry.bytes.span)
      }
      entry.setExtracted(expressions[index].name, to: value.map { extracted($0, &entry) } ?? .null)
    }
    for member in matched {
      let value = extracted(member.value, &entry)
      entry.setExtracted(nameAt: key(member.key, &entry), to: value)
    }
    return .pass
  }

  /// Reads the object that fills `range`, noting what was asked for; nil when there is none.
  private func read(_ text: Span<UInt8>, _ range: Range<Int>) -> JSONScanner.Value? {
    found.removeAll(keepingCapacity: true)
    found.append(contentsOf: repeatElement(nil, count: expressions.count))
    matched.removeAll(keepingCapacity: true)
    guard var members = JSONMembers(objectIn: range, of: text) else { return nil }
    let start = members.offset - 1
    while let member = members.next(text) {
      for index in firstKeys.indices where isKey(firstKeys[index].key, text, member.key) {
        found[firstKeys[index].expression] = member.value
      }
      if let pattern, matched.count < LabelSlots.limit, pattern.matches(text.extracting(member.key)) {
        matched.append(member)
      }
    }
    guard members.isComplete else { return nil }
    var rest = JSONScanner(members.offset..<range.upperBound)
    rest.skipBlanks(text)
    return rest.offset == range.upperBound ? JSONScanner.Value(kind: .object, range: start..<members.offset) : nil
  }

  private func extracted(_ value: JSONScanner.Value, _ entry: inout LogEntry) -> ExtractedValue {
    switch value.kind {
    case .null: return .null
    case .bool: return .bool(entry.bytes[value.range.lowerBound] == UInt8(ascii: "t"))
    case .number:
      guard let number = parseDecimal(entry.bytes.span, value.range), number.isFinite else { return .text(value.range) }
      return .number(number)
    case .string:
      let content = stringContent(value.range)
      guard hasEscape(entry.bytes.span, content) else { return .text(content) }
    case .object, .array: break
    }
    scratch.removeAll(keepingCapacity: true)
    appendText(of: value, in: entry.bytes.span, to: &scratch)
    return .text(entry.append(scratch))
  }

  private func key(_ content: Range<Int>, _ entry: inout LogEntry) -> Range<Int> {
    guard hasEscape(entry.bytes.span, content) else { return content }
    scratch.removeAll(keepingCapacity: true)
    _ = appendUnescaped(entry.bytes.span, content, to: &scratch)
    return entry.append(scratch)
  }

  /// For the expressions that do more than to follow keys.
  private func extract(_ expression: Expression, of object: JSONScanner.Value, from entry: inout LogEntry) {
    let result = expression.path.search(object, in: entry.bytes.span)
    if case .found(let value) = result {
      return entry.setExtracted(expression.name, to: extracted(value, &entry))
    }
    scratch.removeAll(keepingCapacity: true)
    result.appendText(in: entry.bytes.span, to: &scratch)
    let made = scratch
    let text = entry.append(made)
    let value: ExtractedValue =
      switch result.kind {
      case .null: .null
      case .bool: .bool(made.first == UInt8(ascii: "t"))
      case .number: parseDecimal(made.span, 0..<made.count).map { .number($0) } ?? .text(text)
      case .string, .array, .object: .text(text)
      }
    entry.setExtracted(expression.name, to: value)
  }
}

/// An expression of `stage.json`, compiled.
public struct JMESPathExpression: Sendable {
  let path: JMESPath

  /// Compiles `source`.
  public init(_ source: String) throws(JMESPathError) { path = try JMESPath(source) }
}
