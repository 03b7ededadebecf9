// SPDX-License-Identifier: Apache-2.0

/// The functions templates can call: Go's own, Alloy's, and the common ones of sprig. The order of arguments is theirs.
let templateFunctions: [String: TemplateFunction] = Dictionary(
  uniqueKeysWithValues: (logicFunctions + textFunctions + alloyFunctions + regexFunctions + numberFunctions
    + collectionFunctions + timeFunctions + encodingFunctions).map { ($0.name, $0) })

typealias TemplateBody = @Sendable ([TemplateValue], TemplateResource) throws -> TemplateValue

func templateFunction(
  _ name: String, _ arity: ClosedRange<Int>, _ resource: TemplateFunction.Resource = .none,
  _ body: @escaping TemplateBody
) -> TemplateFunction {
  TemplateFunction(name: name, arity: arity, resource: resource, body: body)
}

/// For functions that take any number of arguments.
let manyArguments = 100

/// A function of one text to another.
func textFunction(_ name: String, _ body: @escaping @Sendable ([UInt8]) -> [UInt8]) -> TemplateFunction {
  templateFunction(name, 1...1) { arguments, _ in .string(body(try stringArgument(arguments[0]))) }
}

func stringArgument(_ value: TemplateValue) throws -> [UInt8] {
  guard case .string(let bytes) = value else { throw TemplateFailure("a string is needed, not \(value.typeName)") }
  return bytes
}

func intArgument(_ value: TemplateValue) throws -> Int {
  guard case .int(let number) = value else { throw TemplateFailure("an int is needed, not \(value.typeName)") }
  return number
}
