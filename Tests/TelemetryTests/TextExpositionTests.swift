// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Telemetry

@Suite struct TextExpositionTests {
  private func text(_ batch: SeriesBatch) -> String {
    var bytes: [UInt8] = []
    writeExposition(batch, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `families are sorted by name and samples by labels`() {
    var batch = SeriesBatch()
    batch.family("b", .counter, help: "Second.")
    batch.append("x", "2", value: 2)
    batch.append("x", "10", value: 1)
    batch.family("a", .unknown, help: "First.")
    batch.append(0.5)
    #expect(
      text(batch) == """
        # HELP a First.
        # TYPE a untyped
        a 0.5
        # HELP b Second.
        # TYPE b counter
        b{x="10"} 1
        b{x="2"} 2

        """)
  }

  @Test func `of two samples of one series the first is written`() {
    var batch = SeriesBatch()
    batch.family("a", .gauge, help: "")
    batch.append("x", "1", value: 1)
    batch.append("x", "1", value: 2)
    batch.family("a", .gauge, help: "Another.")
    batch.append("x", "1", value: 3)
    batch.append("x", "2", value: 4)
    #expect(text(batch) == "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 4\n")
  }

  @Test func `a family begun again with another type is dropped, one without samples not mentioned`() {
    var batch = SeriesBatch()
    batch.family("a", .gauge, help: "")
    batch.append(1)
    batch.family("empty", .gauge, help: "Nothing.")
    batch.family("a", .counter, help: "")
    batch.append("x", "1", value: 2)
    #expect(text(batch) == "# TYPE a gauge\na 1\n")
  }

  @Test func `label values and helps are escaped`() {
    var batch = SeriesBatch()
    batch.family("a", .gauge, help: "A \"quote\", a \\ and\na line.")
    batch.append("x", "\"\\\n", value: 1)
    #expect(
      text(batch) == #"""
        # HELP a A "quote", a \\ and\na line.
        # TYPE a gauge
        a{x="\"\\\n"} 1

        """#)
  }

  @Test func `a label whose value equals the name is still written`() {
    var batch = SeriesBatch()
    batch.family("a", .gauge, help: "")
    batch.append("x", "a", value: 1)
    #expect(text(batch) == "# TYPE a gauge\na{x=\"a\"} 1\n")
  }

  @Test func `buckets stay in the order they were written`() {
    var batch = SeriesBatch()
    batch.family("h", .histogram, help: "")
    for bound in ["0.5", "10", "+Inf"] {
      batch.label("le", bound)
      batch.append(1, suffix: "_bucket")
    }
    batch.append(3, suffix: "_sum")
    batch.append(1, suffix: "_count")
    #expect(
      text(batch) == """
        # TYPE h histogram
        h_bucket{le="0.5"} 1
        h_bucket{le="10"} 1
        h_bucket{le="+Inf"} 1
        h_sum 3
        h_count 1

        """)
  }

  @Test(arguments: [
    (0, "0"), (-0.0, "-0"), (1, "1"), (-1.5, "-1.5"), (118821.284256, "118821.284256"), (100000, "100000"),
    (1_000_000, "1e+06"), (1_234_567, "1.234567e+06"), (2_287_017_984, "2.287017984e+09"), (799_998_000, "7.99998e+08"),
    (0.0001, "0.0001"), (0.00012, "0.00012"), (0.00001, "1e-05"), (1.5e-7, "1.5e-07"), (1e100, "1e+100"),
    (.leastNonzeroMagnitude, "5e-324"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    (0.1 + 0.2, "0.30000000000000004"),
    (9_007_199_254_740_992, "9.007199254740992e+15"), (1e21, "1e+21"), (1e16, "1e+16"), (123456, "123456"),
  ])
  func `numbers look as Go prints them`(value: Double, expected: String) {
    var bytes: [UInt8] = []
    appendGoFloat(value, to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }
}
