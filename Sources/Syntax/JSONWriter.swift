// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `value` as compact JSON with sorted keys; like Go's encoder, `<`, `>` and `&` are escaped.
func writeJSON(_ value: Value) throws(ConversionError) -> String {
  switch value {
  case .null: return "null"
  case .bool(let bool): return "\(bool)"
  case .int(let int): return "\(int)"
  case .uint(let uint): return "\(uint)"
  case .float(let float):
    guard float.isFinite else { throw ConversionError("JSON has no \(goNonFinite(float))") }
    return jsonFloat(float)
  case .string(let text): return goJSONString(text)
  case .array(let elements):
    var parts: [String] = []
    for element in elements { parts.append(try writeJSON(element)) }
    return "[" + parts.joined(separator: ",") + "]"
  case .object(let fields):
    var parts: [String] = []
    for (key, value) in fields.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      parts.append(goJSONString(key) + ":" + (try writeJSON(value)))
    }
    return "{" + parts.joined(separator: ",") + "}"
  case .secret, .function, .capsule: throw ConversionError("a \(value.kind) cannot be written as JSON")
  }
}

private func jsonFloat(_ value: Double) -> String {
  guard value != 0, value.magnitude < 1e-6 || value.magnitude >= 1e21 else { return plainDecimal(value) }
  let text = Decimal(shortest: value).scientific
  // 1e-09 is written 1e-9.
  return text.utf8.suffix(4).starts(with: "e-0".utf8) ? String(text.dropLast(2)) + text.suffix(1) : text
}

private func goJSONString(_ text: String) -> String {
  var result = ""
  for scalar in jsonString(text).unicodeScalars {
    switch scalar {
    case "<": result += "\\u003c"
    case ">": result += "\\u003e"
    case "&": result += "\\u0026"
    case "\u{2028}": result += "\\u2028"
    case "\u{2029}": result += "\\u2029"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
