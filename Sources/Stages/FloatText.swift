// SPDX-License-Identifier: Apache-2.0

// Floats as Go writes them: the shortest digits that read back as the same number.

/// Appends `number` as Go's `encoding/json` does: with an exponent below 1e-6 and from 1e21 on.
func appendJSONNumber(_ number: Double, to output: inout [UInt8]) {
  if number.magnitude == 0 || (number.magnitude >= 1e-6 && number.magnitude < 1e21) {
    return appendDecimal(number, to: &output)
  }
  let (digits, point) = shortestDigits(number.magnitude)
  if number.sign == .minus { output.append(UInt8(ascii: "-")) }
  appendExponential(digits, exponent: point - 1, leastExponentDigits: 1, to: &output)
}

/// Appends `number` as Go's `%v` does: with an exponent below 1e-4 and from 1e21 on.
func appendGeneralDecimal(_ number: Double, to output: inout [UInt8]) {
  if !number.isFinite || number == 0 || (number.magnitude >= 1e-4 && number.magnitude < 1e21) {
    return appendDecimal(number, to: &output)
  }
  let (digits, point) = shortestDigits(number.magnitude)
  if number.sign == .minus { output.append(UInt8(ascii: "-")) }
  appendExponential(digits, exponent: point - 1, leastExponentDigits: 2, to: &output)
}

private func appendExponential(
  _ digits: [UInt8], exponent: Int, leastExponentDigits: Int, to output: inout [UInt8]
) {
  output.append(digits[0])
  if digits.count > 1 {
    output.append(UInt8(ascii: "."))
    output.append(contentsOf: digits.dropFirst())
  }
  output.append(UInt8(ascii: "e"))
  output.append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
  let size = String(exponent.magnitude)
  if size.utf8.count < leastExponentDigits { output.append(UInt8(ascii: "0")) }
  output.append(contentsOf: size.utf8)
}

/// The shortest digits that read back as `value`, and where the decimal point stands among them; `0` has the point
/// behind it.
private func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
  var digits: [UInt8] = []
  var point: Int?
  var exponent = 0
  var rest = Substring("\(value)").utf8
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: ".") {
      point = digits.count
    } else if byte == UInt8(ascii: "e") {
      exponent = Int(Substring(rest)) ?? 0
      break
    } else {
      digits.append(byte)
    }
  }
  let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
  if zeros == digits.count { return ([UInt8(ascii: "0")], 1) }
  let place = (point ?? digits.count) + exponent - zeros
  digits.removeFirst(zeros)
  while digits.last == UInt8(ascii: "0") { digits.removeLast() }
  return (digits, place)
}
