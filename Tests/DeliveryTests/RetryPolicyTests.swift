// SPDX-License-Identifier: Apache-2.0

import Delivery
import Testing

@Suite struct RetryPolicyTests {
  var policy = RetryPolicy(.remoteWrite)

  mutating func answer(_ status: Int, retryAfter: Duration? = nil) -> RetryPolicy.Action {
    policy.next(after: .response(status: status, retryAfter: retryAfter), random: 0.5)
  }

  @Test mutating func `an unreachable hub is tried again, each time later, up to the limit`() {
    let waits = (0..<10).map { _ in policy.next(after: .noAnswer, random: 0.5) }
    let milliseconds = [30, 60, 120, 240, 480, 960, 1920, 3840, 5000, 5000]
    #expect(waits == milliseconds.map { .retry(after: .milliseconds($0)) })
  }

  @Test func `jitter moves a wait by at most a tenth`() {
    for (random, expected) in [(0.0, 27.0), (0.25, 28.5), (0.5, 30), (0.75, 31.5)] {
      var policy = RetryPolicy(.remoteWrite)
      guard case .retry(let wait) = policy.next(after: .noAnswer, random: random) else {
        Issue.record("not retried")
        return
      }
      #expect(abs(wait / .milliseconds(1) - expected) < 0.001)
    }
  }

  @Test mutating func `waits begin anew after the hub took something`() {
    for _ in 0..<5 { _ = policy.next(after: .noAnswer, random: 0.5) }
    #expect(answer(204) == .acknowledge)
    #expect(policy.next(after: .noAnswer, random: 0.5) == .retry(after: .milliseconds(30)))
  }

  @Test(arguments: [200, 201, 202, 204, 260, 299]) mutating func `any 2xx means the hub has it`(status: Int) {
    #expect(answer(status) == .acknowledge)
  }

  @Test(arguments: [408, 429, 500, 501, 502, 503, 504, 507, 599])
  mutating func `a busy hub is tried again`(status: Int) {
    #expect(answer(status) == .retry(after: .milliseconds(30)))
    #expect(answer(status) == .retry(after: .milliseconds(60)))
  }

  @Test(arguments: [400, 409, 422]) mutating func `refused data are divided`(status: Int) {
    #expect(answer(status) == .divide)
  }

  @Test mutating func `too much at once is halved`() { #expect(answer(413) == .halve) }

  @Test(arguments: [
    0, 100, 101, 199, 301, 302, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 418, 421, 426, 431,
    451, 600, 999, -1,
  ]) mutating func `a wrong endpoint is held and probed slowly`(status: Int) {
    let waits = (0..<5).map { _ in answer(status) }
    #expect(waits == [60, 120, 240, 300, 300].map { .hold(after: .seconds($0)) })
    _ = answer(200)
    #expect(answer(status) == .hold(after: .seconds(60)))
  }

  @Test mutating func `a web page is no receiver, whatever its status says`() {
    #expect(policy.next(after: .webPage(status: 200), random: 0.5) == .hold(after: .seconds(60)))
    #expect(RetryPolicy.remedy(for: 200, .remoteWrite).contains("web page"))
  }

  @Test func `a user who does not want 429 tried again loses those samples, counted by that reason`() {
    var limits = RetryPolicy.Limits()
    limits.retriesTooManyRequests = false
    var policy = RetryPolicy(.remoteWrite, limits: limits)
    #expect(policy.next(after: .response(status: 429), random: 0.5) == .reject(.rateLimited))
    #expect(policy.next(after: .response(status: 503), random: 0.5) == .retry(after: .milliseconds(30)))
  }

  @Test mutating func `a longer wait the hub asks for is granted exactly, within ten minutes`() {
    #expect(answer(429, retryAfter: .seconds(17)) == .retry(after: .seconds(17)))
    #expect(answer(503, retryAfter: .seconds(86_400)) == .retry(after: .seconds(600)))
  }

  @Test mutating func `a hub that asks for no wait at all does not get a storm`() {
    #expect(answer(429, retryAfter: .zero) == .retry(after: .milliseconds(30)))
    #expect(answer(429, retryAfter: .zero) == .retry(after: .milliseconds(60)))
    #expect(answer(429, retryAfter: .seconds(-5)) == .retry(after: .milliseconds(120)))
  }

  @Test func `Loki's 400 stored what was good, and its 260 stored nothing`() {
    var policy = RetryPolicy(.loki)
    #expect(policy.next(after: .response(status: 400), random: 0.5) == .acknowledgePartly)
    #expect(policy.next(after: .response(status: 260), random: 0.5) == .hold(after: .seconds(60)))
    #expect(policy.next(after: .response(status: 204), random: 0.5) == .acknowledge)
  }

  @Test func `Retry-After is understood as seconds and as a date`() {
    let now: Int64 = 784_111_777
    #expect(RetryPolicy.retryAfter("120", now: now) == .seconds(120))
    #expect(RetryPolicy.retryAfter(" 0 ", now: now) == .seconds(0))
    #expect(RetryPolicy.retryAfter("Sun, 06 Nov 1994 08:49:47 GMT", now: now) == .seconds(10))
    #expect(RetryPolicy.retryAfter("Sunday, 06-Nov-94 08:50:37 GMT", now: now) == .seconds(60))
    #expect(RetryPolicy.retryAfter("Sun Nov  6 08:49:37 1994", now: now) == .seconds(0))
    #expect(RetryPolicy.retryAfter("Sun, 06 Nov 1994 07:00:00 GMT", now: now) == .zero)
    #expect(RetryPolicy.retryAfter("99999999999999999999999999", now: now) == .seconds(1 << 32))
  }

  @Test(arguments: ["", " ", "-1", "1.5", "soon", "+3", "0x10", "1 2"])
  func `a Retry-After that says nothing is as if absent`(header: String) {
    #expect(RetryPolicy.retryAfter(header, now: 0) == nil)
  }

  @Test func `the remedy for a missing receiver names the flag`() {
    #expect(RetryPolicy.remedy(for: 404, .remoteWrite).contains("--web.enable-remote-write-receiver"))
    #expect(RetryPolicy.remedy(for: 405, .remoteWrite).contains("--web.enable-remote-write-receiver"))
    #expect(RetryPolicy.remedy(for: 401, .remoteWrite).contains("credentials"))
    #expect(RetryPolicy.remedy(for: 404, .loki).contains("/loki/api/v1/push"))
  }
}
