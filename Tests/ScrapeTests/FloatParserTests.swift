// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Scrape

@Suite struct FloatParserTests {
  private func parse(_ text: String) -> UInt64? { parseFloat(Array(text.utf8).span) }

  @Test func `the words for what is not finite are read in any case`() {
    #expect(parse("NaN") == normalNaNBits && parse("nan") == normalNaNBits)
    for text in ["Inf", "+Inf", "inf", "+Infinity", "INFINITY"] {
      #expect(parse(text) == Double.infinity.bitPattern, "\(text)")
    }
    #expect(parse("-Inf") == (-Double.infinity).bitPattern)
  }

  @Test(arguments: [
    "", "+", "-", ".", "-.", "e5", "1e", "1e+", "1e5x", "1_000", "0x1p3", "0x10", "+nan", "-nan", "nano", "infi",
    "1.2.3",
    "1 ", " 1", "--1", "1e400", "-1e400", "१", "1e5.5",
  ])
  func `what is no number is refused`(text: String) {
    #expect(parse(text) == nil)
  }

  @Test(arguments: [
    "0", "-0", "+1", "1.", ".5", "00012", "1e22", "1e23", "9007199254740993", "9007199254740992", "0.1", "1e-400",
    "4.9e-324", "1.7976931348623157e308", "0.000000000000000000000000000000000000001", "123456789012345678901234567890",
    "1.00000000000000000000000000000000000000001", "100000000000000000000000e-5", "1e+06", "1E-7",
  ])
  func `numbers at the edges are those the standard library reads`(text: String) {
    let plain = text.hasPrefix(".") ? "0" + text : text.hasSuffix(".") ? text + "0" : text
    #expect(parse(text) == Double(plain).map(\.bitPattern))
  }

  @Test func `thousands of random numbers are those the standard library reads, to the bit`() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<50_000 {
      let text = randomNumber(&random)
      #expect(parse(text) == Double(text)!.bitPattern, "\(text)")
    }
  }

  private func randomNumber(_ random: inout SeededGenerator) -> String {
    func digits(_ count: ClosedRange<Int>) -> String {
      String((0..<Int.random(in: count, using: &random)).map { _ in "0123456789".randomElement(using: &random)! })
    }
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return "\(Double(bitPattern: UInt64.random(in: 0..<0x7ff0_0000_0000_0000, using: &random)))"
    case 1: return "-" + digits(1...25)
    case 2: return digits(1...12) + "." + digits(1...12)
    default: return digits(1...3) + "." + digits(1...20) + "e\(Int.random(in: -250...250, using: &random))"
    }
  }

  @Test func `bucket bounds are written as OpenMetrics wants them`() {
    let written: [(Double, String)] = [
      (1, "1.0"), (0, "0.0"), (-1, "-1.0"), (0.005, "0.005"), (10, "10.0"), (2.5, "2.5"), (100_000, "100000.0"),
      (1e6, "1e+06"), (1_234_567, "1.234567e+06"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1.5e-7, "1.5e-07"),
      (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (0.99, "0.99"), (12.75, "12.75"),
    ]
    for (value, text) in written { #expect(openMetricsText(value) == text) }
  }

  @Test func `a bound that need not be read is written as if it had been`() {
    var random = SeededGenerator(seed: 3)
    var forms: [String: Int] = [:]
    for _ in 0..<20_000 {
      let text = String(
        (0..<Int.random(in: 1...9, using: &random)).map { _ in "00012.9".randomElement(using: &random)! })
      guard let bits = parse(text) else { continue }
      let written = openMetricsText(Double(bitPattern: bits))
      let form = NumberForm(Array(text.utf8).span)
      forms["\(form)", default: 0] += 1
      switch form {
      case .normal: #expect(text == written)
      case .whole: #expect(text + ".0" == written)
      case .other: break
      }
    }
    #expect(forms.values.allSatisfy { $0 > 100 } && forms.count == 3)
    for text in ["+Inf", "0.005", "0.0", "0.0001", "999999.5"] { #expect(NumberForm(Array(text.utf8).span) == .normal) }
    for text in ["-1", "+1", "1.", ".5", "0.00001", "1.50", "0.00", "01", "1000000", "NaN", ""] {
      #expect(NumberForm(Array(text.utf8).span) == .other)
    }
  }
}
