// SPDX-License-Identifier: Apache-2.0

/// The bytes `text` stands for: a number and one of `B KB KiB MB MiB GB GiB TB TiB`, all powers of 1024, or no unit.
public func parseByteSize(_ text: String) -> Int? {
  let trimmed = trimmedBlanks(text)
  let number = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
  let unit = trimmedBlanks(String(trimmed.dropFirst(number.count))).lowercased()
  let shifts = ["": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40]
  var prefix = unit
  if unit.count > 2, unit.hasSuffix("ib") {
    prefix = String(unit.dropLast(2))
  } else if unit.count == 2, unit.hasSuffix("b") {
    prefix = String(unit.dropLast())
  }
  guard let shift = shifts[prefix], prefix != "b" || unit == "b" else { return nil }
  if let whole = Int(number) {
    let (bytes, overflow) = whole.multipliedReportingOverflow(by: 1 << shift)
    return overflow ? nil : bytes
  }
  guard let value = Double(number) else { return nil }
  return Int(exactly: (value * Double(1 << shift)).rounded(.towardZero))
}

private func trimmedBlanks(_ text: String) -> String {
  var rest = Substring(text)
  while rest.first == " " { rest.removeFirst() }
  while rest.last == " " { rest.removeLast() }
  return String(rest)
}
