// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing
import TestSupport

@testable import Stages

/// Without a zone in the text, UTC is meant. Expectations are what `date -u -d` says.
@Suite struct TimeTests {
  @Test(arguments: [
    ("ANSIC", "Mon Jan  2 15:04:05 2006", 1_136_214_245), ("UnixDate", "Mon Jan  2 15:04:05 UTC 2006", 1_136_214_245),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006", 1_136_239_445), ("RFC822", "02 Jan 06 15:04 GMT", 1_136_214_240),
    ("RFC822Z", "02 Jan 06 15:04 -0700", 1_136_239_440), ("RFC850", "Monday, 02-Jan-06 15:04:05 UTC", 1_136_214_245),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 UTC", 1_136_214_245),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 +0530", 1_136_194_445), ("RFC3339", "2006-01-02T15:04:05Z", 1_136_214_245),
    ("RFC3339", "2006-01-02T15:04:05-07:00", 1_136_239_445),
    ("RFC3339Nano", "2006-01-02T15:04:05+00:00", 1_136_214_245),
    ("02/Jan/2006:15:04:05 -0700", "10/Oct/2000:13:55:36 -0700", 971_211_336),
    ("2006-01-02 15:04:05", "2024-02-29 23:59:59", 1_709_251_199), ("2006/01/02", "1970/01/01", 0),
    ("Jan _2 2006 3:04PM", "Dec 31 2023 12:00AM", 1_703_980_800),
    ("Jan 2, 2006 at 3:04pm (MST)", "Feb 3, 2013 at 7:54pm (PST)", 1_359_921_240),
    ("06-1-2 3:4:5 pm", "69-7-20 8:17:40 pm", -14_182_940),
    ("2006-01-02T15:04:05Z07", "2006-01-02T15:04:05-07", 1_136_239_445),
    ("2006-01-02T15:04:05 Z0700", "2006-01-02T15:04:05 -0730", 1_136_241_245),
    ("2006-01-02T15:04:05-07:00:00", "2006-01-02T15:04:05+00:00:05", 1_136_214_240),
    ("Monday January 2 2006", "tuesday FEBRUARY 29 2000", 951_782_400), ("2006 MST", "2006 GMT-3", 1_136_084_400),
    ("Unix", "1136214245", 1_136_214_245), ("Unix", "-5", -5),
  ])
  func `formats are read as Go reads them`(_ format: String, _ text: String, _ seconds: Int) throws {
    #expect(parse(format, text) == Int64(seconds) * 1_000_000_000)
  }

  @Test func `a clock that has read other moments reads the next as a new one does`() {
    let texts = [
      "2026-11-23T12:38:51.000123456+01:00", "2026-11-23T12:38:59.9Z", "2026-11-23T12:38:60Z", "2026-11-23T12:38x51Z",
      "2026-11-23T12:39:00Z", "2026-11-23T12:61:00Z", "2026-11-23T12:39:01Z", "2026-02-30T00:00:00Z",
      "2026-11-23T12:39:01.123", "1970-01-01T00:00:00Z", "", "2026-11-23T12:39:02-02:30",
    ]
    let nothing = Array((String(repeating: "\0", count: 16) + ":00Z").utf8)
    var clock = RFC3339Clock()
    #expect(clock.nanoseconds(nothing.span) == nil)
    for text in texts + texts.reversed() {
      #expect(clock.nanoseconds(Array(text.utf8).span) == parseRFC3339(Array(text.utf8).span), "\(text)")
    }
  }

  @Test(arguments: [
    ("RFC3339Nano", "2006-01-02T15:04:05.123456789Z", 123_456_789), ("RFC3339", "2006-01-02T15:04:05.5Z", 500_000_000),
    ("RFC3339Nano", "2006-01-02T15:04:05,25Z", 250_000_000),
    ("RFC3339Nano", "2006-01-02T15:04:05.1234567891234Z", 123_456_789),
    ("2006-01-02 15:04:05,000", "2006-01-02 15:04:05,042", 42_000_000),
    ("2006-01-02 15:04:05.000", "2006-01-02 15:04:05,042", 42_000_000),
    ("2006-01-02 15:04:05.999", "2006-01-02 15:04:05", 0), ("2006-01-02 15:04:05", "2006-01-02 15:04:05.000001", 1000),
    ("2006-01-02 15:04:05.999 -0700", "2006-01-02 15:04:05.7654321 +0000", 765_432_100),
    ("Unix", "1136214245.5", 500_000_000), ("Unix", "1136214245.000000001", 1), ("UnixMs", "1136214245007", 7_000_000),
    ("UnixUs", "1136214245000007", 7000), ("UnixNs", "1136214245000000007", 7),
  ])
  func `fractions are read`(_ format: String, _ text: String, _ nanoseconds: Int) {
    #expect(parse(format, text) == 1_136_214_245_000_000_000 + Int64(nanoseconds))
  }

  @Test(arguments: [
    ("RFC3339", ""), ("RFC3339", "2006-01-02T15:04:05"), ("RFC3339", "2006-01-02T15:04:05Z "),
    ("RFC3339", "2006-13-02T15:04:05Z"), ("RFC3339", "2006-02-29T15:04:05Z"), ("RFC3339", "2006-01-00T15:04:05Z"),
    ("RFC3339", "2006-01-02T24:04:05Z"), ("RFC3339", "2006-01-02T15:60:05Z"), ("RFC3339", "2006-01-02T15:04:60Z"),
    ("RFC3339", "2006-1-02T15:04:05Z"), ("RFC3339", "2006-01-02T15:04:05+25:00"), ("RFC3339", "9999-01-02T15:04:05Z"),
    ("RFC3339", "0001-01-02T15:04:05Z"), ("2006-01-02 15:04:05.000", "2006-01-02 15:04:05"),
    ("2006-01-02 15:04:05.000", "2006-01-02 15:04:05.12"), ("2006-01-02 15:04:05.000", "2006-01-02 15:04:05.1234"),
    ("ANSIC", "Xyz Jan  2 15:04:05 2006"), ("3:04PM 2006", "13:04PM 2006"), ("3:04PM 2006", "1:04pm 2006"),
    ("2006 MST", "2006 ABCDEF"), ("2006 MST", "2006 ABCD"), ("2006 MST", "2006 utc"), ("2006-002", "2023-366"),
    ("Unix", "1.2.3"), ("Unix", "1e9"), ("Unix", "."), ("Unix", "12."), ("UnixMs", "1.5"),
    ("UnixMs", "99999999999999999"),
    ("UnixNs", "99999999999999999999"), ("rfc3339", "2006-01-02T15:04:05Z"),
  ])
  func `what does not fit is refused`(_ format: String, _ text: String) {
    #expect(parse(format, text) == nil)
  }

  @Test func `days of the year are days`() {
    #expect(parse("2006-002", "2024-060") == parse("2006-01-02", "2024-02-29"))
    #expect(parse("2006-002", "2023-060") == parse("2006-01-02", "2023-03-01"))
    #expect(parse("2006-__2", "2024-  1") == parse("2006-01-02", "2024-01-01"))
    #expect(parse("2006-002", "2024-366") == parse("2006-01-02", "2024-12-31"))
  }

  @Test(arguments: [
    ("2026-11-23", "Nov 23 10:00:00", "2026-11-23 10:00:00"), ("2026-11-23", "Jan  5 10:00:00", "2026-01-05 10:00:00"),
    ("2027-01-01", "Dec 31 23:59:59", "2026-12-31 23:59:59"), ("2026-12-31", "Jan  1 00:00:01", "2027-01-01 00:00:01"),
    ("2024-02-29", "Feb 29 12:00:00", "2024-02-29 12:00:00"), ("2026-03-01", "Feb 29 12:00:00", "2026-03-01 12:00:00"),
  ])
  func `without a year it is the one closest to now`(_ today: String, _ text: String, _ expected: String) throws {
    let bytes = Array(text.utf8)
    let now = try #require(parse("2006-01-02", today))
    let time = TimestampFormat("Jan _2 15:04:05", location: .utc).parse(bytes.span, now: now)
    #expect(time == parse("2006-01-02 15:04:05", expected))
  }

  @Test(arguments: [
    ("Europe/Berlin", "2024-01-15 12:00:00", 11), ("Europe/Berlin", "2024-07-15 12:00:00", 10),
    ("Europe/Berlin", "2060-07-15 12:00:00", 10), ("America/New_York", "2024-07-15 12:00:00", 16),
    ("Asia/Kolkata", "2024-07-15 12:30:00", 7), ("Pacific/Auckland", "2060-01-15 13:00:00", 0),
    ("Europe/Dublin", "2060-07-15 12:00:00", 11), ("UTC", "2024-07-15 12:00:00", 12),
    ("Asia/Tokyo", "2060-01-15 12:00:00", 3),
  ])
  func `a location is where times without a zone are meant`(_ zone: String, _ text: String, _ hour: Int) throws {
    let format = TimestampFormat("2006-01-02 15:04:05", location: try TimeZone.named(zone))
    let bytes = Array(text.utf8)
    let day = try #require(parse("2006-01-02", String(text.prefix(10))))
    #expect(format.parse(bytes.span, now: 0) == day + Int64(hour) * 3_600_000_000_000)
  }

  @Test func `clock changes are taken as Go takes them`() throws {
    let format = TimestampFormat("2006-01-02 15:04:05", location: try TimeZone.named("Europe/Berlin"))
    func time(_ text: String) -> Int64? { format.parse(Array(text.utf8).span, now: 0).map { $0 / 1_000_000_000 } }
    // 2024-03-31 01:00 UTC is when summer begins, 2024-10-27 01:00 UTC when it ends.
    #expect(time("2024-03-31 01:59:59") == 1_711_846_799)
    #expect(time("2024-03-31 03:00:00") == 1_711_846_800)
    #expect(time("2024-10-27 01:59:59") == 1_729_987_199)
    #expect(time("2024-10-27 03:00:00") == 1_729_994_400)
  }

  @Test func `a zone in the text wins, and abbreviations are those of the location`() throws {
    let berlin = try TimeZone.named("Europe/Berlin")
    let offset = TimestampFormat("2006-01-02 15:04:05 -0700", location: berlin)
    #expect(offset.parse(Array("2024-07-15 12:00:00 +0000".utf8).span, now: 0) == 1_721_044_800_000_000_000)
    let named = TimestampFormat("2006-01-02 15:04:05 MST", location: berlin)
    #expect(named.parse(Array("2024-07-15 12:00:00 CEST".utf8).span, now: 0) == 1_721_037_600_000_000_000)
    #expect(named.parse(Array("2024-07-15 12:00:00 CET".utf8).span, now: 0) == 1_721_041_200_000_000_000)
    #expect(named.parse(Array("2024-07-15 12:00:00 PST".utf8).span, now: 0) == 1_721_044_800_000_000_000)
  }

  @Test(arguments: ["Europe/Berlyn", "/etc/passwd", "../../etc/passwd", "Europe", "a b", "zone.tab", "Europe/"])
  func `an unknown zone is an error`(_ name: String) {
    #expect(throws: TimeZoneError.self) { try TimeZone.named(name) }
  }

  @Test(arguments: testSeeds(count: 5)) func `damaged zone files and times never do harm`(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let whole = try readFile("/usr/share/zoneinfo/Europe/Berlin")
    for _ in 0..<200 {
      var bytes = random.chance(30) ? Array(whole.prefix(random.below(whole.count))) : whole
      for _ in 0..<random.below(20) where !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      guard let zone = parseZoneFile(bytes) else { continue }
      for moment in [Int64.min / 2_000_000_000, 0, 1_700_000_000, 9_000_000_000] { _ = zone.lookup(moment) }
    }
    let formats = Array(TimestampFormat.named.keys) + ["Jan _2 15:04:05.999", "__2 002 MST 06", "Unix", "UnixMs"]
    let alphabet = Array("0123456789 :-+.,TZJanMonPMGMT".utf8)
    for format in formats.map({ TimestampFormat($0) }) {
      for _ in 0..<200 {
        let text = (0..<random.below(30)).map { _ in alphabet[random.below(alphabet.count)] }
        _ = format.parse(text.span, now: 1_700_000_000_000_000_000)
      }
    }
  }

  @Test(arguments: testSeeds(count: 5)) func `what a layout writes it reads again, whatever the layout`(_ seed: UInt64)
    throws
  {
    var random = SplitMix64(seed: seed)
    let separators = [" ", "T", "-", "/", " x ", ", "]
    let zones = try [TimeZone.utc, .named("Europe/Berlin"), .named("Asia/Kolkata")]
    for _ in 0..<500 {
      let dates = ["2006-01-02", "Jan _2 2006", "Monday 2 January 2006", "2006 __2", "06/1/2", "002 2006"]
      let times = ["15:04:05", "3:04:05 PM", "03.04.05pm", "15h4m5"]
      let text =
        dates[random.below(dates.count)] + separators[random.below(separators.count)]
        + times[random.below(times.count)] + ["", ".000000000", ",999999999"][random.below(3)]
        + [" -0700", " Z07:00", "-07:00:00"][random.below(3)]
      let layout = TimeLayout(text)
      // Whole seconds, for not every layout has a fraction; between 1970 and 2068, for years of two digits.
      let moment = Int64(random.below(3_100_000_000)) * 1_000_000_000
      var written: [UInt8] = []
      layout.append(moment, zones[random.below(zones.count)], to: &written)
      let read = TimestampFormat(text, location: .utc).parse(written.span, now: 0)
      #expect(read == moment, "seed \(seed): \(text), \(String(decoding: written, as: UTF8.self))")
    }
  }

  @Test func `a format without any part of a time is known as such`() {
    #expect(TimestampFormat("yyyy-MM-dd").isConstant && !TimestampFormat("15:04").isConstant)
  }

  private func parse(_ format: String, _ text: String) -> Int64? {
    TimestampFormat(format, location: .utc).parse(Array(text.utf8).span, now: 1_700_000_000_000_000_000)
  }
}
