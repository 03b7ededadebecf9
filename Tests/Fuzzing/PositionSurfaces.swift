// SPDX-License-Identifier: Apache-2.0

@testable import Components
@testable import Logs

/// Where a source stood, as our queue and other agents write it down.
let positionSurfaces = [
  Surface("file-position", seeds: { [samplePosition.encoded] }, longest: 70_000) {
    { input in
      guard let position = FilePosition(input) else { return }
      try require(FilePosition(position.encoded) == position, "written and read again, it is elsewhere")
      try require((0...(1 << 60)).contains(position.offset), "where no file can have bytes")
    }
  },
  Surface(
    "positions-yml",
    seeds: [
      "positions:\n  /var/log/a.log: \"123\"\n  /var/log/b c.log: 4\n  cursor-journal: s=1;i=2\n",
      "---\r\npositions:\r\n    ? path: /var/log/c: d.log\r\n      labels: '{a=\"b\"}'\r\n    : \"99\"\r\n",
      "positions: {}\n", "positions:\n  'it''s.log': '7'\n  \"q\\\"uoted\": \"8\"\n",
    ], tokens: ["positions:", "? path: ", "labels: ", ": ", "\": \"", "cursor-", "journal-", "\n  ", "---\n", "''"]
  ) { input in
    for case .offset(let offset) in (PositionsFile.read(input, onDamage: .end) ?? [:]).values {
      try require(offset >= 0, "before the beginning of the file")
    }
    _ = JournalLegacyCursor.find("loki.source.journal.x", in: text(input))
  },
  Surface(
    "journal-position", seeds: ["1 0 \(cursorText)", cursorText, "1 999 \(cursorText)"],
    tokens: ["s=", ";i=", ";b=", ";m=", ";t=", ";x=", "ffffffffffffffff", "ffffffffffffffffffffffffffffffff", "1 0 "]
  ) { input in
    let known = JournalCursor(Array(cursorText.utf8).span)
    if let cursor = JournalCursor(input.span), let known {
      try require((cursor.order(to: known) == .same) == (known.order(to: cursor) == .same), "the same only one way")
      _ = JournalView.choose(after: cursor, current: known.boot, first: known)
      var numbers = JournalNumbers()
      numbers.note(known)
      _ = numbers.gap(before: cursor)
    }
    guard let position = JournalPosition(input) else { return }
    try require(JournalPosition(position.bytes) == position, "written and read again, it is elsewhere")
    _ = position.timestampNanoseconds
    _ = position.nextRank(realtime: position.cursor.realtime)
  },
]

private let cursorText =
  "s=6c7f28b2ca6b42eaa9d64adcdb2a0f7f;i=1c3;b=be9377f73bba4f029b598d744e2c96fa;m=7a120;t=60a2b4c8d9e00;x=9f2b4c8d9e001122"

private let samplePosition = {
  var position = FilePosition(path: "/var/log/syslog")
  (position.offset, position.birth, position.listedAt, position.checksum) = (12_345, 7, 1_700_000_000, 99)
  position.head = HeadFingerprint(length: 64, hash: 0x1234_5678)
  return position
}()
