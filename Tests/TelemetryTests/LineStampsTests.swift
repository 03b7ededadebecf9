// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct LineStampsTests {
  private static let second: Int64 = 1_000_000_000
  private var stamps = LineStamps()

  @Test mutating func `lines of one moment follow each other, and so do those of a clock set back a little`() {
    let now = 1_800_000_000 * Self.second
    #expect(
      [now, now, now - 59 * Self.second, now + 1, now + 9].map { stamps.next(at: $0) } == [
        now, now + 1, now + 2, now + 3, now + 9,
      ])
  }

  @Test mutating func `a clock that was far ahead costs nothing once it is right again`() {
    let now = 1_800_000_000 * Self.second
    #expect(stamps.next(at: now + 7200 * Self.second) == now + 7200 * Self.second)
    #expect(stamps.next(at: now) == now)
    #expect(stamps.next(at: now) == now + 1)
  }
}
