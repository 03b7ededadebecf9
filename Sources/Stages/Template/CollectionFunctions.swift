// SPDX-License-Identifier: Apache-2.0

let collectionFunctions = [
  templateFunction("len", 1...1) { arguments, _ in
    switch arguments[0] {
    case .string(let bytes): return .int(bytes.count)
    case .list(let values): return .int(values.count)
    case .map(let pairs): return .int(pairs.count)
    default: throw TemplateFailure("len of \(arguments[0].typeName)")
    }
  },
  templateFunction("index", 1...manyArguments) { arguments, _ in
    var value = arguments[0]
    for key in arguments.dropFirst() { value = try element(key, of: value) }
    return value
  },
  templateFunction("split", 2...2) { arguments, _ in
    let parts = try split(try stringArgument(arguments[1]), by: try stringArgument(arguments[0])).enumerated().map {
      number, part in
      (key: Array("_\(number)".utf8), value: TemplateValue.string(part))
    }
    return .map(parts.sorted { $0.key.lexicographicallyPrecedes($1.key) })
  },
  templateFunction("splitList", 2...2) { arguments, _ in
    .list(try split(try stringArgument(arguments[1]), by: try stringArgument(arguments[0])).map { .string($0) })
  },
  templateFunction("join", 2...2) { arguments, _ in
    let separator = try stringArgument(arguments[0])
    guard case .list(let values) = arguments[1] else { return .string(arguments[1].text) }
    return .string(Array(values.map(\.text).joined(separator: separator)))
  },
]

private func element(_ key: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
  switch (value, key) {
  case (.map, .string(let key)): return value.member(key) ?? .missing
  case (.list(let values), .int(let index)) where values.indices.contains(index): return values[index]
  case (.string(let bytes), .int(let index)) where bytes.indices.contains(index): return .int(Int(bytes[index]))
  default: throw TemplateFailure("index of \(value.typeName) by \(key.typeName)")
  }
}
