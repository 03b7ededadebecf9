// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

let timeFunctions = [
  templateFunction("now", 0...0) { _, _ in .time(wallClockNanoseconds(), .local) },
  templateFunction("date", 2...2) { arguments, _ in
    try formatted(arguments[1], arguments[0], in: .local)
  },
  templateFunction("dateInZone", 3...3, .zone) { arguments, resource in
    guard case .zone(let zone) = resource else { return .missing }
    return try formatted(arguments[1], arguments[0], in: zone)
  },
  templateFunction("toDate", 2...2) { arguments, _ in
    let text = try stringArgument(arguments[1])
    let written = TimeLayout(String(decoding: try stringArgument(arguments[0]), as: UTF8.self)).parse(text.span)
    guard let written,
      let moment = nanoseconds(
        seconds: written.seconds(in: .local, text: text.span), nanosecond: written.civil.nanosecond)
    else { throw TemplateFailure("not a time of that layout") }
    return .time(moment, .local)
  },
  templateFunction("unixEpoch", 1...1) { arguments, _ in
    guard case .time(let moment, _) = arguments[0] else { throw TemplateFailure("unixEpoch needs a time") }
    return .string("\(moment.flooredDivision(by: 1_000_000_000).quotient)")
  },
]

private func formatted(
  _ value: TemplateValue, _ layout: TemplateValue, in zone: TimeZone
) throws -> TemplateValue {
  let moment: Int64
  switch value {
  case .time(let time, _): moment = time
  case .int(let seconds): moment = nanoseconds(seconds: Int64(seconds), nanosecond: 0) ?? 0
  default: moment = wallClockNanoseconds()
  }
  var output: [UInt8] = []
  TimeLayout(String(decoding: try stringArgument(layout), as: UTF8.self)).append(moment, zone, to: &output)
  return .string(output)
}
