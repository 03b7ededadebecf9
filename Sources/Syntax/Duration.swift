// SPDX-License-Identifier: Apache-2.0

/// Text that is not a duration.
public struct DurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, in Go's words.
  public var description: String
  /// The known fix.
  public var hint: String?
}

/// The time Go's `time.ParseDuration` reads in `text`: decimal numbers with the units `ns us µs ms s m h`, such as
/// `1h30m` or `-1.5s`; `0` needs no unit.
public func parseDuration(_ text: String) throws(DurationError) -> Duration {
  var rest = Array(text.unicodeScalars)[...]
  let negative = rest.first == "-"
  if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
  if rest.elementsEqual(["0"]) { return .zero }
  let invalid = DurationError(description: "time: invalid duration \(quoted(text))", hint: durationHint(text))
  guard !rest.isEmpty else { throw invalid }
  var nanoseconds: UInt64 = 0
  while !rest.isEmpty {
    let whole = digits(&rest)
    var fraction: [UInt64] = []
    if rest.first == "." {
      rest.removeFirst()
      fraction = digits(&rest)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { throw invalid }
    let unit = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
    rest = rest.dropFirst(unit.count)
    var unitText = String.UnicodeScalarView()
    unitText.append(contentsOf: unit)
    guard !unit.isEmpty else {
      throw DurationError(
        description: "time: missing unit in duration \(quoted(text))", hint: "write a unit, such as \"\(text)s\"")
    }
    guard let scale = nanosecondsPerUnit(String(unitText)) else {
      throw DurationError(
        description: "time: unknown unit \(quoted(String(unitText))) in duration \(quoted(text))",
        hint: durationHint(text))
    }
    guard let part = scaled(whole, fraction, by: scale) else { throw invalid }
    let (sum, overflow) = nanoseconds.addingReportingOverflow(part)
    guard !overflow, sum <= UInt64(Int64.max) else { throw invalid }
    nanoseconds = sum
  }
  return .nanoseconds(negative ? -Int64(nanoseconds) : Int64(nanoseconds))
}

private func digits(_ rest: inout ArraySlice<Unicode.Scalar>) -> [UInt64] {
  let digits = rest.prefix { ("0"..."9").contains($0) }
  rest = rest.dropFirst(digits.count)
  return digits.map { UInt64($0.value - 0x30) }
}

private func nanosecondsPerUnit(_ unit: String) -> UInt64? {
  switch unit {
  case "ns": 1
  case "us", "\u{b5}s", "\u{3bc}s": 1000
  case "ms": 1_000_000
  case "s": 1_000_000_000
  case "m": 60_000_000_000
  case "h": 3_600_000_000_000
  default: nil
  }
}

private func scaled(_ whole: [UInt64], _ fraction: [UInt64], by scale: UInt64) -> UInt64? {
  var number: UInt64 = 0
  for digit in whole {
    let (product, overflow) = number.multipliedReportingOverflow(by: 10)
    guard !overflow else { return nil }
    let (sum, carried) = product.addingReportingOverflow(digit)
    guard !carried else { return nil }
    number = sum
  }
  let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: scale)
  guard !overflow else { return nil }
  var part = 0.0
  var place = Double(scale)
  for digit in fraction.prefix(18) {
    place /= 10
    part += Double(digit) * place
  }
  // Sums of tenths fall a hair short of whole nanoseconds.
  return nanoseconds.addingReportingOverflow(UInt64(part + 1e-3)).partialValue
}

private func durationHint(_ text: String) -> String? {
  guard text.hasSuffix("d"), let days = Int(text.dropLast()), days < 100_000 else {
    return "the units are h, m, s, ms, us and ns, as in \"1h30m\""
  }
  return "there is no unit for days; write \"\(days * 24)h\""
}
