// SPDX-License-Identifier: Apache-2.0

internal import RE2

let regexFunctions = [
  templateFunction("regexMatch", 2...2, .pattern) { arguments, resource in
    guard case .pattern(let pattern) = resource else { return .missing }
    let text = try stringArgument(arguments[1])
    return .bool(pattern.matches(text.span))
  },
  templateFunction("regexFind", 2...2, .pattern) { arguments, resource in
    guard case .pattern(let pattern) = resource else { return .missing }
    let text = try stringArgument(arguments[1])
    let match = pattern.firstMatch(in: text.span)?[0]
    return .string(match.map { Array(text[$0]) } ?? [])
  },
  templateFunction("regexReplaceAll", 3...3, .pattern) { arguments, resource in
    try replaceMatches(arguments, resource, isLiteral: false)
  },
  templateFunction("regexReplaceAllLiteral", 3...3, .pattern) { arguments, resource in
    try replaceMatches(arguments, resource, isLiteral: true)
  },
]

private func replaceMatches(
  _ arguments: [TemplateValue], _ resource: TemplateResource, isLiteral: Bool
) throws -> TemplateValue {
  guard case .pattern(let pattern) = resource else { return .missing }
  let (text, replacement) = (try stringArgument(arguments[1]), try stringArgument(arguments[2]))
  let result = replaceAll(pattern, in: text, with: replacement, isLiteral: isLiteral, limit: GoTemplate.outputLimit)
  guard let result else { throw TemplateFailure("too long") }
  return .string(result)
}
