// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct TokenBucketTests {
  let second: Int64 = 1_000_000_000

  @Test func `what is there is given, and comes back at the rate, up to the burst`() {
    var bucket = TokenBucket(rate: 10, burst: 20)
    let taken = [(20, 0), (1, 0), (1, second / 10), (30, 100 * second), (20, 100 * second), (1, 100 * second)].map {
      bucket.take($0.0, now: $0.1)
    }
    #expect(taken == [true, false, true, false, true, false])
  }

  @Test func `a debt takes its time, and a clock that stands still gives nothing`() {
    var bucket = TokenBucket(rate: 10, burst: 20)
    let waits = [bucket.borrow(20, now: 5), bucket.borrow(5, now: 5), bucket.borrow(5, now: 4)]
    #expect(waits == [0, second / 2, second])
  }

  @Test func `a rate of almost nothing does not wait for ever`() {
    var bucket = TokenBucket(rate: 1e-9, burst: 1)
    let wait = bucket.borrow(1_000_000, now: 0)
    #expect(wait == 3600 * second)
  }
}
