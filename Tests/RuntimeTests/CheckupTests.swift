// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Testing

/// Asking every component how it is getting on.
@Suite struct CheckupTests {
  private let three = """
    test.part "a" { }
    test.part "b" { }
    test.part "c" { }
    """

  @Test func `the answers of all components are added up`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    bench.journal.setVitals(
      "test.part.a", Vitals(pendingItems: 3, queueBytes: 100, oldestTimestampMilliseconds: 2000))
    bench.journal.setVitals("test.part.b", Vitals(pendingItems: 4, queueBytes: 10, oldestTimestampMilliseconds: 1000))
    let checkup = await bench.controller.checkup(within: .seconds(600))
    #expect(checkup.total == Vitals(pendingItems: 7, queueBytes: 110, oldestTimestampMilliseconds: 1000))
    #expect(checkup.stuck == [])
    await bench.controller.stop()
  }

  @Test func `who does not answer is named, asked only once, and forgiven when the answer comes`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    bench.journal.setVitals("test.part.b", nil)
    for _ in 0..<3 {
      let checkup = await bench.controller.checkup(within: .milliseconds(50))
      #expect(checkup.stuck.contains("test.part.b"))
    }
    #expect(bench.journal.questions("test.part.b") == 1)
    bench.journal.setVitals("test.part.b", Vitals(pendingItems: 1))
    var checkup = Checkup()
    repeat { checkup = await bench.controller.checkup(within: .seconds(1)) } while checkup.stuck != []
    #expect(checkup.total.pendingItems == 1)
    await bench.controller.stop()
  }

  @Test func `who has been at one piece of work for longer than the limit does not move`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    bench.journal.setVitals("test.part.c", Vitals(busySince: monotonicNanoseconds() - 700_000_000_000))
    bench.journal.setVitals("test.part.a", Vitals(busySince: monotonicNanoseconds()))
    #expect(await bench.controller.checkup(within: .seconds(600)).stuck == ["test.part.c"])
    await bench.controller.stop()
  }

  @Test func `without components all is well at once`() async throws {
    let bench = try Bench("")
    try await bench.start()
    #expect(await bench.controller.checkup(within: .seconds(600)) == Checkup())
    await bench.controller.stop()
  }
}
