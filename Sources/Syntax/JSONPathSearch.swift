// SPDX-License-Identifier: Apache-2.0

/// Follows a path through a document.
struct JSONPathSearch {
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
