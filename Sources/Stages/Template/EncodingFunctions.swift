// SPDX-License-Identifier: Apache-2.0

let encodingFunctions = [
  textFunction("b64enc", base64), textFunction("sha256sum") { hexadecimal(sha256($0)) },
  textFunction("b64dec") { fromBase64($0) ?? Array("illegal base64 data".utf8) },
  templateFunction("toJson", 1...1) { arguments, _ in
    var output: [UInt8] = []
    arguments[0].appendJSON(to: &output)
    return .string(output)
  },
  templateFunction("fromJson", 1...1) { arguments, _ in
    let text = try stringArgument(arguments[0])
    guard text.count <= GoTemplate.outputLimit, let value = JSONScanner.document(text.span) else { return .missing }
    return TemplateValue(json: value, in: text.span)
  },
]
