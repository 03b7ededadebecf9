// SPDX-License-Identifier: Apache-2.0

private let units: [(name: String, milliseconds: Int64)] = [
  ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
  ("ms", 1),
]

/// `1h30m`: how Prometheus writes a duration in `__scrape_interval__`. Years and weeks only when nothing is left over.
func prometheusText(_ duration: Duration) -> String {
  var rest = duration.nanosecondsClamped / 1_000_000
  guard rest > 0 else { return "0s" }
  var text = ""
  for unit in units {
    if unit.name == "y" || unit.name == "w", rest % unit.milliseconds != 0 { continue }
    let count = rest / unit.milliseconds
    guard count > 0 else { continue }
    text += "\(count)\(unit.name)"
    rest -= count * unit.milliseconds
  }
  return text
}

/// Reads `1h30m`: whole numbers with units, the largest first; nil for anything else, or more than 292 years.
func parsePrometheusDuration(_ text: String) -> Duration? {
  if text == "0" { return .zero }
  var bytes = text.utf8[...]
  guard !bytes.isEmpty else { return nil }
  var total: Int64 = 0
  var remaining = units[...]
  while !bytes.isEmpty {
    let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
    let name = bytes.dropFirst(digits.count).prefix { $0 < 0x30 || $0 > 0x39 }
    guard let count = Int64(Substring(digits)),
      let unit = remaining.firstIndex(where: { $0.name.utf8.elementsEqual(name) })
    else { return nil }
    let (part, tooBig) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
    let (sum, overflow) = total.addingReportingOverflow(part)
    guard !tooBig, !overflow, sum <= Int64.max / 1_000_000 else { return nil }
    total = sum
    remaining = units[(unit + 1)...]
    bytes = bytes.dropFirst(digits.count + name.count)
  }
  return .milliseconds(total)
}

extension Duration {
  /// Whole nanoseconds; what does not fit (292 years) is the largest that does.
  var nanosecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, more) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow || more ? (seconds < 0 ? .min : .max) : sum
  }

  /// Seconds, as metrics have them.
  var inSeconds: Double { Double(nanosecondsClamped) / 1e9 }
}
