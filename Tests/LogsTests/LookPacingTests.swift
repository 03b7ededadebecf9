// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Logs

struct LookPacingTests {
  @Test("a look that was held up does not put off the next one")
  func heldUp() {
    var pacing = LookPacing()
    pacing.look { pauseThread(milliseconds: 500) }
    // By time that passed it would be five seconds.
    #expect(pacing.nextLook < monotonicNanoseconds() + 1_000_000_000)
  }

  @Test("a look that takes the processor is followed by ten times as long without one")
  func costly() {
    var pacing = LookPacing()
    let before = monotonicNanoseconds()
    pacing.look {
      let began = threadCPUNanoseconds()
      while threadCPUNanoseconds() - began < 20_000_000 {}
    }
    #expect(pacing.nextLook >= before + 220_000_000)
  }
}
