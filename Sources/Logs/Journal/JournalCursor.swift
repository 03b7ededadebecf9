// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// An entry's cursor, taken apart: `s=…;i=…;b=…;m=…;t=…;x=…`, all of it hexadecimal.
///
/// It says more than a place in a file: entries can be compared that are in no file any more.
struct JournalCursor: Sendable, Equatable {
  /// 128 bits.
  struct Identifier: Sendable, Hashable {
    var high: UInt64 = 0
    var low: UInt64 = 0
  }

  /// `s`: what numbered the entry.
  var numbering = Identifier()
  /// `i`: its number there, one more than that of the entry before.
  var number: UInt64 = 0
  /// `b`: the boot it was written in.
  var boot = Identifier()
  /// `m`: microseconds since that boot.
  var monotonic: UInt64 = 0
  /// `t`: microseconds since 1970, by the clock as it was.
  var realtime: UInt64 = 0
  /// `x`: of its contents.
  var hash: UInt64 = 0

  /// Nil when `text` is no cursor with all six parts.
  init?(_ text: Span<UInt8>) {
    var seen = 0
    var start = 0
    while start < text.count {
      let end = firstIndex(of: UInt8(ascii: ";"), in: text, start..<text.count) ?? text.count
      defer { start = end + 1 }
      guard end - start > 2, text[start + 1] == UInt8(ascii: "=") else { return nil }
      guard let value = Self.hexadecimal(text, start + 2..<end) else { return nil }
      seen += 1
      switch text[start] {
      case UInt8(ascii: "s"): numbering = value
      case UInt8(ascii: "i"): number = value.low
      case UInt8(ascii: "b"): boot = value
      case UInt8(ascii: "m"): monotonic = value.low
      case UInt8(ascii: "t"): realtime = value.low
      case UInt8(ascii: "x"): hash = value.low
      default: seen -= 1
      }
    }
    guard seen == 6 else { return nil }
  }

  /// `realtime` as nanoseconds. Of times no journald ever writes, but a journal or a cursor may hold, the last second
  /// there is.
  var realtimeNanoseconds: Int64 { Int64(min(realtime, UInt64(Int64.max / 1_000_000_000) * 1_000_000)) * 1000 }

  private static func hexadecimal(_ text: Span<UInt8>, _ range: Range<Int>) -> Identifier? {
    guard range.count <= 32 else { return nil }
    var value = Identifier()
    for index in range {
      let digit: UInt8
      switch text[index] {
      case let byte where byte &- 0x30 < 10: digit = byte - 0x30
      case let byte where (byte | 0x20) &- 0x61 < 6: digit = (byte | 0x20) - 0x61 + 10
      default: return nil
      }
      value.high = value.high << 4 | value.low >> 60
      value.low = value.low << 4 | UInt64(digit)
    }
    return value
  }

  /// Whether both are the same entry, be it that journald copied it to another file and numbered it anew, as it does
  /// with what came before `/var` was there.
  func isSameEntry(as other: JournalCursor) -> Bool {
    if numbering == other.numbering, number == other.number { return true }
    return boot == other.boot && monotonic == other.monotonic && realtime == other.realtime && hash == other.hash
  }

  /// Where this entry stands relative to `other`, in the order in which the journal gives them.
  func order(to other: JournalCursor) -> Order {
    if isSameEntry(as: other) { return .same }
    if numbering == other.numbering { return number < other.number ? .before : .after }
    if boot == other.boot, monotonic != other.monotonic { return monotonic < other.monotonic ? .before : .after }
    // Of two entries of one moment nobody can say; to read one again is better than to miss it.
    return realtime < other.realtime ? .before : .after
  }

  /// What `order(to:)` answers.
  enum Order: Sendable { case before, same, after }
}
