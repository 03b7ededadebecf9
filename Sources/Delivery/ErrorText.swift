// SPDX-License-Identifier: Apache-2.0

/// The most of an error body that is kept.
let errorBodyLimit = 1024

/// The beginning of an error body as one printable line: what could steer a terminal or forge a log line is escaped.
func errorText(body: [UInt8]) -> String {
  var text = ""
  for scalar in String(decoding: body.prefix(errorBodyLimit), as: UTF8.self).unicodeScalars {
    switch scalar {
    case "\n", "\r", "\t": text += " "
    case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
      text += "\\u{\(String(scalar.value, radix: 16))}"
    case "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}": text += "\\u{\(String(scalar.value, radix: 16))}"
    default: text.unicodeScalars.append(scalar)
    }
  }
  return text.trimmingSpaces()
}
