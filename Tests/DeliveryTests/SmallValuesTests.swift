// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Delivery

@Suite struct RefusalReasonTests {
  @Test(arguments: [
    ("out of order sample", RefusalReason.outOfOrder),
    ("duplicate sample for timestamp; existing 1, new value 2", .duplicate),
    ("out of bounds", .outOfBounds), ("too old sample", .tooOld),
    ("entry for stream '{a=\"b\"}' has timestamp too new", .outOfBounds), ("entry too far behind", .tooOld),
    ("max entry size '262144' bytes exceeded", .tooLarge), ("stream 'a' has label value too long: 'x'", .invalid),
    ("stream 'a' has structured metadata too large: '9' bytes", .invalid),
    ("snappy: corrupt input, cannot decode", .invalid),
    ("", .other), ("x", .other), ("computer says no", .other),
  ]) func `the reason is read from what receivers say`(body: String, reason: RefusalReason) {
    #expect(RefusalReason(body: body) == reason)
  }
}

@Suite struct ClockSkewTests {
  @Test func `a wide gap is told once, and again only after it had closed`() {
    var skew = ClockSkew()
    let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    let hub: Int64 = 784_111_777
    let told = [hub, hub + 300, hub + 301, hub + 400, hub, hub - 301].map { skew.observe(date: date, now: $0) }
    #expect(told == [false, false, true, false, false, true])
    #expect(skew.seconds == -301)
  }

  @Test func `an answer without a date leaves the number as it was`() {
    var skew = ClockSkew()
    let told = skew.observe(date: nil, now: 5) || skew.observe(date: "yesterday", now: 5)
    #expect(!told)
    #expect(skew.seconds == nil)
  }
}

@Suite struct ErrorTextTests {
  @Test func `an error body cannot forge a line or steer a terminal`() {
    #expect(
      errorText(body: Array("bad\nts=1 level=info\u{1b}[2J\u{202e}\n".utf8)) == "bad ts=1 level=info\\u{1b}[2J\\u{202e}"
    )
  }

  @Test func `of a long error body only the beginning is kept`() {
    #expect(errorText(body: [UInt8](repeating: 0x78, count: 5000)).utf8.count == 1024)
    #expect(errorText(body: [0xff, 0xfe, 0x41]) == "\u{fffd}\u{fffd}A")
  }
}

@Suite struct DurationHistogramTests {
  @Test func `a duration counts in the first bucket it fits`() {
    var histogram = DurationHistogram()
    for seconds in [0.001, 0.005, 0.0051, 1000] { histogram.observe(seconds) }
    #expect(histogram.counts.first == 2)
    #expect(histogram.counts[1] == 1)
    #expect(histogram.counts.last == 1)
    #expect(histogram.count == 4)
  }
}

@Suite struct SizeHistogramTests {
  @Test func `a size counts in the first bucket it fits`() {
    var histogram = SizeHistogram()
    for bytes in [0, 256, 257, 5 << 20] { histogram.observe(bytes) }
    #expect(histogram.counts == [2, 1, 0, 0, 0, 0, 0, 0, 1])
    #expect(histogram.count == 4 && histogram.sum == 513 + 5 << 20)
  }
}

@Suite struct LokiRefusalTests {
  func ignored(_ text: String, of count: Int? = nil) -> Int { ignoredEntries(Array(text.utf8), of: count) }

  @Test func `the entries left out are added up over the streams`() {
    let text = "entry ignored\ntotal ignored: 3 out of 17 for stream: {a=\"b\"} total ignored: 2 out of 2 for stream"
    #expect(ignored(text) == 5)
    #expect(ignored("something else") == 1)
    #expect(ignored("total ignored: 99999999999999999999 out of") == 999_999_999)
    #expect(ignored("total ignored: ") == 1)
  }

  @Test func `what Loki left out before it looked at the stream is what is missing of the push`() {
    let text =
      "entry with timestamp 1 ignored, reason: 'entry too far behind', total ignored: 3 out of 17 for stream: x"
    #expect(ignored(text, of: 20) == 6)
    #expect(ignored(text, of: 17) == 3)
    #expect(ignored("total ignored: 3 out of 17 for stream: {__stream_shard__=\"1\"}", of: 40) == 3)
  }

  @Test(arguments: [
    ("total ignored: 2 out of 5 for stream: {a=\"b\"}", LokiRefusal.entries(2)),
    ("2 errors like: max entry size '9' bytes exceeded; 1 errors like: entry has timestamp too old", .entries(3)),
    ("entry for stream '{a=\"b\"}' has timestamp too new: 2030", .entries(1)),
    ("7 errors like: entry too old", .entries(5)),
    ("stream '{a=\"b\"}' has 16 label names; limit 15", .stream),
    ("stream '{a=\"b\"}' has label value too long: 'x'", .stream),
    ("error at least one label pair is required per stream", .stream),
    ("reason: 'Per stream rate limit exceeded', reason: 'entry too far behind', total ignored: 2 out of 5", .rate(2)),
    ("unexpected EOF", .request), ("", .request), ("<html>bad request</html>", .request),
  ]) func `a 400 is about entries, a stream, the rate or the request`(answer: String, refusal: LokiRefusal) {
    #expect(LokiRefusal(answer, entries: 5, isOneStream: true) == refusal)
  }
}
