// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@testable import Logs

/// What a journal reader decides, without a journal.
@Suite struct JournalDecisionTests {
  /// A cursor of entry `number` of file numbering `s` in boot `b`, `m` after it, at time `t`.
  private func text(_ number: UInt64, s: Int = 1, b: Int = 1, m: UInt64? = nil, t: UInt64? = nil, x: Int = 7) -> [UInt8]
  {
    func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
    let zeros = String(repeating: "0", count: 31)
    let place = "s=\(s)\(zeros);i=\(hexadecimal(number));b=\(b)\(zeros);"
    return Array("\(place)m=\(hexadecimal(m ?? number));t=\(hexadecimal(t ?? 1000 + number));x=\(x)".utf8)
  }

  private func cursor(
    _ number: UInt64, s: Int = 1, b: Int = 1, m: UInt64? = nil, t: UInt64? = nil, x: Int = 7
  ) throws -> JournalCursor {
    let text = text(number, s: s, b: b, m: m, t: t, x: x)
    return try #require(parse(text))
  }

  private func parse(_ text: [UInt8]) -> JournalCursor? { JournalCursor(text.span) }

  @Test func `a cursor is taken apart, and what is none is refused`() throws {
    let (first, second) = ("s=78d6d6b935f34cddac59c5c576eaa71a;i=9;b=be9377f73bba4f029b598d744e2c96fa;", "m=f6180;")
    let cursor = try #require(parse(Array((first + second + "t=60a24181e5f40;x=55f57e3dac1dbc00").utf8)))
    #expect("\(cursor.numbering)" == "78d6d6b935f34cddac59c5c576eaa71a" && cursor.number == 9)
    #expect(cursor.boot == JournalCursor.Identifier("be9377f7-3bba-4f02-9b59-8d744e2c96fa"))
    #expect(cursor.monotonic == 1_008_000 && cursor.realtime == 1_700_000_000_008_000)
    for wrong in ["", "s=1", "s=1;i=1;b=1;m=1;t=1", "s=1;i=g;b=1;m=1;t=1;x=1", "nonsense", "s=1;;;;;"] {
      #expect(parse(Array(wrong.utf8)) == nil, "\(wrong)")
    }
  }

  @Test func `entries stand in the order of their numbers, else of their boot, else of time`() throws {
    #expect(try cursor(1).order(to: cursor(2, t: 1)) == .before)
    #expect(try cursor(9, s: 2, m: 5, t: 1).order(to: cursor(1, m: 4, t: 2)) == .after)
    #expect(try cursor(9, s: 2, b: 2, m: 1, t: 5).order(to: cursor(1, m: 4, t: 6)) == .before)
    #expect(try cursor(1).order(to: cursor(1, b: 2, m: 9, t: 9)) == .same)
  }

  @Test func `an entry that was copied to another file is the same`() throws {
    #expect(try cursor(1, s: 2, m: 5, t: 8).order(to: cursor(70, m: 5, t: 8)) == .same)
    #expect(try cursor(1, s: 2, m: 5, t: 8, x: 1).order(to: cursor(70, m: 5, t: 8)) == .after)
  }

  @Test func `a position survives as bytes, and other bytes are none`() throws {
    var position = try #require(JournalPosition(cursor: text(1)))
    #expect(JournalPosition(position.bytes) == position)
    var next = text(2, t: 1001)
    position.move(to: try cursor(2, t: 1001), text: &next)
    #expect(position.rank == 1 && JournalPosition(position.bytes) == position)
    next = text(3, t: 1002)
    position.move(to: try cursor(3, t: 1002), text: &next)
    #expect(position.rank == 0)
    let cursor = "s=1;i=1;b=1;m=1;t=1;x=1"
    #expect(JournalPosition(Array("1 999 \(cursor)".utf8)) != nil)
    for wrong in ["", "1", "2 0 \(cursor)", "1 0 s=1", "1 1000 \(cursor)", "1 0 \(cursor) x"] {
      #expect(JournalPosition(Array(wrong.utf8)) == nil, "\(wrong)")
    }
  }

  private func destination(_ id: String, _ number: UInt64?) throws -> LogDestination {
    let position = try number.map { try #require(JournalPosition(cursor: text($0))).bytes }
    return LogDestination(id: id, positions: position.map { [Array("journal".utf8): $0] } ?? [:])
  }

  @Test func `destinations join as the reader passes their places`() throws {
    let source = Array("journal".utf8)
    var audience = JournalAudience(
      [try destination("b", 20), try destination("new", nil), try destination("a", 10), try destination("c", 30)],
      source: source)
    #expect(audience.beginning?.cursor.number == 10)
    #expect(audience.ids == ["a", "new"])
    #expect(try [11, 15, 20].map { audience.admit(before: try cursor($0)) } == [false, false, false])
    #expect(try audience.admit(before: cursor(21)) && audience.ids == ["a", "new", "b"])
    // The entry at 30 is gone.
    #expect(try audience.admit(before: cursor(31)) && audience.ids == nil)
    #expect(try !audience.admit(before: cursor(32)))
  }

  @Test func `destinations that stand together, or know nothing, need no names`() throws {
    let source = Array("journal".utf8)
    #expect(JournalAudience([try destination("a", 5), try destination("b", 5)], source: source).ids == nil)
    let new = JournalAudience([try destination("a", nil), try destination("b", nil)], source: source)
    #expect(new.ids == nil && new.beginning == nil)
    let odd = [LogDestination(id: "a", positions: [source: Array("from the future".utf8)])]
    #expect(JournalAudience(odd, source: source).beginning == nil)
  }

  @Test func `this boot is read by itself once it has begun, or when its clock was behind`() throws {
    let (old, new) = (try cursor(50).boot, try cursor(1, b: 2).boot)
    let position = try cursor(50, t: 9000)
    func choose(first: JournalCursor?) -> JournalView { .choose(after: position, current: new, first: first) }
    #expect(choose(first: nil) == .everything)
    #expect(choose(first: try cursor(1, s: 2, b: 2, t: 9001)) == .everything)
    #expect(choose(first: try cursor(51, b: 2, t: 1)) == .everything)
    #expect(choose(first: try cursor(1, s: 2, b: 2, t: 1)) == .boots(old, then: new))
    #expect(JournalView.choose(after: try cursor(9, s: 2, b: 2, t: 10), current: new, first: nil) == .boot(new))
  }

  @Test func `gaps show in the numbers of one numbering`() throws {
    var numbers = JournalNumbers()
    #expect(try numbers.gap(before: cursor(7)) == 0)
    numbers.note(try cursor(7))
    #expect(try numbers.gap(before: cursor(8)) == 0)
    #expect(try numbers.gap(before: cursor(11)) == 3)
    #expect(try numbers.gap(before: cursor(11, s: 2)) == 0)
    #expect(try numbers.gap(before: cursor(3)) == 0)
  }

  @Test(arguments: [
    ("PRIORITY", "\"PRIORITY\" in matches is not FIELD=VALUE"),
    ("A=1 b=2", "\"b=2\" in matches has no field of the journal before the ="),
    ("=x", "\"=x\" in matches has no field of the journal before the ="),
    ("+ A=1", "\"+\" in matches has no match before it"), ("A=1 +", "\"+\" in matches has no match after it"),
  ]) func `a match that is none is refused`(text: String, problem: String) {
    #expect(throws: JournalMatches.Mistake.self) { try JournalMatches(parsing: text) }
    do { _ = try JournalMatches(parsing: text) } catch { #expect("\(error)" == problem) }
  }

  @Test func `matches are read as journalctl reads them`() throws {
    #expect(try JournalMatches(parsing: "  ") == .all)
    let matches = try JournalMatches(parsing: "A=1 A=2=3\n B_1= + C=x")
    #expect(matches.alternatives == [["A=1", "A=2=3", "B_1="], ["C=x"]])
  }
}
