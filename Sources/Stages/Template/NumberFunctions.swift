// SPDX-License-Identifier: Apache-2.0

let numberFunctions = [
  templateFunction("int", 1...1) { arguments, _ in .int(looseInt(arguments[0])) },
  templateFunction("float64", 1...1) { arguments, _ in .float(looseFloat(arguments[0])) },
  templateFunction("add", 0...manyArguments) { arguments, _ in
    .int(arguments.reduce(0) { $0 &+ looseInt($1) })
  },
  templateFunction("sub", 2...2) { arguments, _ in .int(looseInt(arguments[0]) &- looseInt(arguments[1])) },
  templateFunction("mul", 1...manyArguments) { arguments, _ in
    .int(arguments.reduce(1) { $0 &* looseInt($1) })
  },
  templateFunction("div", 2...2) { arguments, _ in
    let divisor = looseInt(arguments[1])
    guard divisor != 0 else { throw TemplateFailure("division by zero") }
    return .int(looseInt(arguments[0]).dividedReportingOverflow(by: divisor).partialValue)
  },
  templateFunction("mod", 2...2) { arguments, _ in
    let divisor = looseInt(arguments[1])
    guard divisor != 0 else { throw TemplateFailure("division by zero") }
    return .int(looseInt(arguments[0]).remainderReportingOverflow(dividingBy: divisor).partialValue)
  },
]
