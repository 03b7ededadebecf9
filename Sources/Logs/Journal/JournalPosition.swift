// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Where the reader stands: after an entry.
///
/// As bytes `1 2 s=…;i=…;b=…;m=…;t=…;x=…`: the version, how many entries of the same microsecond came before this one,
/// its cursor, which has the time in it.
struct JournalPosition: Sendable, Equatable {
  /// As the journal wrote it.
  var text: [UInt8]
  /// The same, taken apart.
  var cursor: JournalCursor
  /// How many entries of the same microsecond came before the entry.
  var rank: Int

  /// The highest rank; what comes after it shares its timestamp.
  static let highestRank = 999

  /// After the entry whose cursor is `text`; nil when that is no cursor.
  init?(cursor text: [UInt8], rank: Int = 0) {
    guard let cursor = JournalCursor(text.span) else { return nil }
    self.text = text
    self.cursor = cursor
    self.rank = rank
  }

  /// From bytes; nil when they are none of ours.
  init?(_ bytes: [UInt8]) {
    let span = bytes.span
    var offset = 0
    guard let version = nextField(span, at: &offset, before: span.count), equal(span, version, "1"),
      let rank = nextField(span, at: &offset, before: span.count),
      let number = parseUnsigned(span, rank), number <= UInt64(Self.highestRank),
      let cursor = nextField(span, at: &offset, before: span.count), cursor.upperBound == span.count
    else { return nil }
    self.init(cursor: Array(bytes[cursor]), rank: Int(number))
  }

  /// Replaces the contents of `buffer` with the bytes of the position after the entry with `cursor`.
  static func encode(_ cursor: [UInt8], rank: Int, into buffer: inout [UInt8]) {
    buffer.removeAll(keepingCapacity: true)
    buffer.append(contentsOf: [UInt8(ascii: "1"), UInt8(ascii: " ")])
    if rank == 0 { buffer.append(UInt8(ascii: "0")) } else { buffer.append(contentsOf: String(rank).utf8) }
    buffer.append(UInt8(ascii: " "))
    buffer.append(contentsOf: cursor)
  }

  /// The position as bytes.
  var bytes: [UInt8] {
    var buffer: [UInt8] = []
    Self.encode(text, rank: rank, into: &buffer)
    return buffer
  }

  /// The time of the entry's line: entries of the same microsecond follow each other.
  var timestampNanoseconds: Int64 { cursor.realtimeNanoseconds + Int64(rank) }

  /// The rank of the next entry, which has `realtime`.
  func nextRank(realtime: UInt64) -> Int {
    realtime == cursor.realtime ? min(rank + 1, Self.highestRank) : 0
  }
}

extension JournalPosition {
  /// Moves on to the entry with `cursor`, whose `text` it takes in exchange for its own.
  mutating func move(to cursor: JournalCursor, text: inout [UInt8]) {
    rank = nextRank(realtime: cursor.realtime)
    self.cursor = cursor
    swap(&self.text, &text)
  }
}
