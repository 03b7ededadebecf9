// SPDX-License-Identifier: Apache-2.0

let alloyFunctions = [
  textFunction("ToLower", changeCase(isUpper: false)), textFunction("ToUpper", changeCase(isUpper: true)),
  textFunction("TrimSpace") { trimmed($0, isCut: isSpaceScalar) },
  templateFunction("Trim", 2...2) { arguments, _ in
    .string(trimmed(try stringArgument(arguments[0]), of: try stringArgument(arguments[1])))
  },
  templateFunction("TrimLeft", 2...2) { arguments, _ in
    .string(trimmed(try stringArgument(arguments[0]), of: try stringArgument(arguments[1]), right: false))
  },
  templateFunction("TrimRight", 2...2) { arguments, _ in
    .string(trimmed(try stringArgument(arguments[0]), of: try stringArgument(arguments[1]), left: false))
  },
  templateFunction("TrimPrefix", 2...2) { arguments, _ in
    .string(without(prefix: try stringArgument(arguments[1]), try stringArgument(arguments[0])))
  },
  templateFunction("TrimSuffix", 2...2) { arguments, _ in
    .string(without(suffix: try stringArgument(arguments[1]), try stringArgument(arguments[0])))
  },
  templateFunction("Replace", 4...4) { arguments, _ in
    .string(
      try replaced(
        try stringArgument(arguments[0]), try stringArgument(arguments[1]), with: try stringArgument(arguments[2]),
        count: try intArgument(arguments[3])))
  },
  templateFunction("Hash", 2...2) { arguments, _ in
    .string(hexadecimal(sha3_256(try stringArgument(arguments[0]) + stringArgument(arguments[1]))))
  },
  templateFunction("Sha2Hash", 2...2) { arguments, _ in
    .string(hexadecimal(sha256(try stringArgument(arguments[0]) + stringArgument(arguments[1]))))
  },
]
