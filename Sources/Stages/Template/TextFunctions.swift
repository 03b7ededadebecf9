// SPDX-License-Identifier: Apache-2.0

let textFunctions = [
  textFunction("lower", changeCase(isUpper: false)), textFunction("upper", changeCase(isUpper: true)),
  textFunction("trim") { trimmed($0, isCut: isSpaceScalar) },
  textFunction("nospace") {
    Array(String(decoding: $0, as: UTF8.self).unicodeScalars.filter { !isSpaceScalar($0) }.utf8Bytes)
  },
  templateFunction("trimAll", 2...2) { arguments, _ in
    .string(trimmed(try stringArgument(arguments[1]), of: try stringArgument(arguments[0])))
  },
  templateFunction("trimPrefix", 2...2) { arguments, _ in
    .string(without(prefix: try stringArgument(arguments[0]), try stringArgument(arguments[1])))
  },
  templateFunction("trimSuffix", 2...2) { arguments, _ in
    .string(without(suffix: try stringArgument(arguments[0]), try stringArgument(arguments[1])))
  },
  templateFunction("replace", 3...3) { arguments, _ in
    .string(
      try replaced(
        try stringArgument(arguments[2]), try stringArgument(arguments[0]), with: try stringArgument(arguments[1]),
        count: -1))
  },
  templateFunction("contains", 2...2) { arguments, _ in
    .bool(find(try stringArgument(arguments[0]), in: try stringArgument(arguments[1])[...]) != nil)
  },
  templateFunction("hasPrefix", 2...2) { arguments, _ in
    .bool(try stringArgument(arguments[1]).starts(with: try stringArgument(arguments[0])))
  },
  templateFunction("hasSuffix", 2...2) { arguments, _ in
    .bool(try stringArgument(arguments[1]).reversed().starts(with: try stringArgument(arguments[0]).reversed()))
  },
  templateFunction("substr", 3...3) { arguments, _ in
    let (start, end, text) = (
      try intArgument(arguments[0]), try intArgument(arguments[1]), try stringArgument(arguments[2])
    )
    let stop = end < 0 || end > text.count ? text.count : end
    guard start <= stop else { throw TemplateFailure("substr \(start) to \(end) of \(text.count) bytes") }
    return .string(Array(text[max(0, start)..<stop]))
  },
  templateFunction("trunc", 2...2) { arguments, _ in
    let (count, text) = (try intArgument(arguments[0]), try stringArgument(arguments[1]))
    let most = Int(min(count.magnitude, UInt(text.count)))
    return .string(Array(count < 0 ? text.suffix(most) : text.prefix(most)))
  },
  templateFunction("quote", 0...manyArguments) { arguments, _ in
    var output: [UInt8] = []
    for argument in arguments {
      if case .missing = argument { continue }
      if !output.isEmpty { output.append(0x20) }
      appendGoQuoted(argument.text, to: &output)
    }
    return .string(output)
  },
  templateFunction("print", 0...manyArguments) { arguments, _ in
    var output: [UInt8] = []
    var wasString = true
    for argument in arguments {
      var isString = false
      if case .string = argument { isString = true }
      if !isString, !wasString { output.append(0x20) }
      argument.append(to: &output)
      wasString = isString
    }
    return .string(output)
  },
  templateFunction("println", 0...manyArguments) { arguments, _ in
    .string(Array(arguments.map(\.text).joined(separator: [0x20])) + [0x0a])
  },
  templateFunction("printf", 1...manyArguments) { arguments, _ in
    .string(try formatted(try stringArgument(arguments[0]), Array(arguments.dropFirst())))
  },
]
