// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Delivery

@Suite struct PacingTests {
  let second: Int64 = 1_000_000_000

  /// One that sent 4 MB in a second and was then told that this is too much.
  func slowed() -> Pacing {
    var pacing = Pacing()
    for tenth in 0..<10 { pacing.took(400_000, now: Int64(tenth) * second / 10) }
    pacing.complain(now: second)
    return pacing
  }

  @Test func `there is no limit until the hub complains, and none when nothing was sent before`() {
    var pacing = Pacing()
    #expect(pacing.wait(before: 1 << 30, now: 0) == 0)
    #expect(!pacing.isWary(now: 0))
    pacing.complain(now: 0)
    #expect(pacing.limit == nil)
    #expect(pacing.isWary(now: 179 * second) && !pacing.isWary(now: 180 * second))
  }

  @Test func `it begins at half of what was achieved, and waits for what is beyond`() {
    var pacing = slowed()
    #expect(pacing.limit == 2_000_000)
    #expect(pacing.wait(before: 2_000_000, now: second) == 0)
    #expect(pacing.wait(before: 1_000_000, now: second) == second / 2)
    #expect(pacing.wait(before: 1_000_000, now: second * 3 / 2) == second / 2)
  }

  @Test func `complaints within a second are one, later ones halve again, down to a floor`() {
    var pacing = slowed()
    for tenth in 0..<9 { pacing.complain(now: second + Int64(tenth) * second / 10) }
    #expect(pacing.limit == 2_000_000)
    pacing.complain(now: 4 * second)
    #expect(pacing.limit == 1_000_000)
    for step in 0..<10 { pacing.complain(now: Int64(6 + 2 * step) * second) }
    #expect(pacing.limit == 131_072)
  }

  @Test func `it grows by a twentieth every ten seconds and is forgotten after three minutes`() {
    var pacing = slowed()
    _ = pacing.wait(before: 0, now: 12 * second)
    #expect(pacing.limit == 2_000_000 * 1.05)
    _ = pacing.wait(before: 0, now: 31 * second)
    #expect(pacing.limit == 2_000_000 * 1.05 * 1.05 * 1.05)
    _ = pacing.wait(before: 0, now: 181 * second)
    #expect(pacing.limit == nil)
  }
}
