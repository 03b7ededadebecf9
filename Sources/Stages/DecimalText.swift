// SPDX-License-Identifier: Apache-2.0

/// Appends the shortest decimal text that means exactly `number`, never with an exponent.
public func appendDecimal(_ number: Double, to output: inout [UInt8]) {
  guard number.isFinite else {
    output.append(contentsOf: (number.isNaN ? "NaN" : number > 0 ? "+Inf" : "-Inf").utf8)
    return
  }
  if let integer = Int64(exactly: number), integer.magnitude < 1 << 53 {
    if integer < 0 || number.sign == .minus { output.append(UInt8(ascii: "-")) }
    return appendDigits(integer.magnitude, to: &output)
  }
  appendWithoutExponent(number.description.utf8, to: &output)
}

private func appendDigits(_ number: UInt64, to output: inout [UInt8]) {
  let start = output.count
  var rest = number
  repeat {
    output.append(0x30 + UInt8(rest % 10))
    rest /= 10
  } while rest > 0
  output[start...].reverse()
}

/// `1.5e-07` becomes `0.00000015`, `1e+21` becomes `1000000000000000000000`.
private func appendWithoutExponent(_ text: String.UTF8View, to output: inout [UInt8]) {
  var digits: [UInt8] = []
  var (point, exponent): (Int?, Int) = (nil, 0)
  var rest = text[...]
  if rest.first == UInt8(ascii: "-") { output.append(rest.removeFirst()) }
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: ".") {
      point = digits.count
    } else if byte == UInt8(ascii: "e") {
      exponent = Int(String(Substring(rest))) ?? 0
      break
    } else {
      digits.append(byte)
    }
  }
  let place = (point ?? digits.count) + exponent
  if place <= 0 {
    output.append(contentsOf: [UInt8(ascii: "0"), UInt8(ascii: ".")])
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -place))
    output.append(contentsOf: digits)
  } else {
    output.append(contentsOf: digits.prefix(place))
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, place - digits.count)))
    let fraction = digits.dropFirst(place)
    if fraction.contains(where: { $0 != UInt8(ascii: "0") }) {
      output.append(UInt8(ascii: "."))
      output.append(contentsOf: fraction)
    }
  }
}
