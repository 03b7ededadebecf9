// SPDX-License-Identifier: Apache-2.0

let logicFunctions = [
  templateFunction("and", 1...manyArguments) { arguments, _ in arguments[0] },
  templateFunction("or", 1...manyArguments) { arguments, _ in arguments[0] },
  templateFunction("not", 1...1) { arguments, _ in .bool(!arguments[0].isTrue) },
  templateFunction("eq", 2...manyArguments) { arguments, _ in
    for other in arguments.dropFirst() where try isEqual(arguments[0], other) { return .bool(true) }
    return .bool(false)
  },
  templateFunction("ne", 2...2) { arguments, _ in .bool(!(try isEqual(arguments[0], arguments[1]))) },
  templateFunction("lt", 2...2) { arguments, _ in .bool(try isLess(arguments[0], arguments[1])) },
  templateFunction("gt", 2...2) { arguments, _ in .bool(try isLess(arguments[1], arguments[0])) },
  templateFunction("le", 2...2) { arguments, _ in .bool(!(try isLess(arguments[1], arguments[0]))) },
  templateFunction("ge", 2...2) { arguments, _ in .bool(!(try isLess(arguments[0], arguments[1]))) },
  templateFunction("default", 1...2) { arguments, _ in
    arguments.count == 2 && arguments[1].isTrue ? arguments[1] : arguments[0]
  },
  templateFunction("coalesce", 0...manyArguments) { arguments, _ in arguments.first { $0.isTrue } ?? .missing },
  templateFunction("ternary", 3...3) { arguments, _ in
    guard case .bool(let condition) = arguments[2] else { throw TemplateFailure("ternary needs a bool") }
    return condition ? arguments[0] : arguments[1]
  },
]

private func isEqual(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
  switch (left, right) {
  case (.string(let left), .string(let right)): return left == right
  case (.int(let left), .int(let right)): return left == right
  case (.float(let left), .float(let right)): return left == right
  case (.bool(let left), .bool(let right)): return left == right
  case (.missing, .missing): return true
  case (.missing, _), (_, .missing): return false
  default: throw TemplateFailure("\(left.typeName) and \(right.typeName) cannot be compared")
  }
}

private func isLess(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
  switch (left, right) {
  case (.string(let left), .string(let right)): return left.lexicographicallyPrecedes(right)
  case (.int(let left), .int(let right)): return left < right
  case (.float(let left), .float(let right)): return left < right
  default: throw TemplateFailure("\(left.typeName) and \(right.typeName) have no order")
  }
}
