// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// A sample among thousands that Prometheus will not have: the agent isolates it, its neighbours arrive.
@Suite(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed")) struct PoisonTests {
  enum Poison: CaseIterable, Sendable {
    case future
    case tooOld
    case otherValue

    /// A line of the page `number`; the first one is good where its value is what changes.
    func line(_ number: Int, now: Int64) -> String {
      switch self {
      case .future: "poison 1 \(now + 3_600_000)"
      case .tooOld: "poison 1 \(now - 3 * 3_600_000)"
      case .otherValue: "poison \(number) \(now)"
      }
    }
  }

  @Test(arguments: Poison.allCases, ["0s", "30m"])
  func `a backlog with a poisoned sample in each scrape arrives, except for those`(
    _ poison: Poison, outOfOrderWindow: String
  ) async throws {
    let directory = try TemporaryDirectory()
    let neighbours = (0..<1000).map { "neighbour{n=\"\($0)\"} 1\n" }.joined()
    let now = wallClockMilliseconds()
    let target = try await ExpositionTarget.start { neighbours + poison.line($0, now: now) }
    let prometheus = try await PrometheusServer.start(outOfOrderWindow: outOfOrderWindow)
    let agent = try await AgentProcess.run(
      """
      prometheus.scrape "target" {
        targets         = [{ __address__ = "\(target.address)" }]
        forward_to      = [prometheus.remote_write.hub.receiver]
        scrape_interval = "500ms"
        scrape_timeout  = "500ms"
      }

      prometheus.remote_write "hub" {
        endpoint {
          url = "\(prometheus.writeURL)"
        }
      }

      """, in: directory)
    await eventually("a scrape") { target.pages > 1 }
    await prometheus.stop()
    let enough = target.pages + 6
    await eventually("a backlog") { target.pages > enough }
    try await prometheus.start()
    try await eventually("all of it is delivered or refused") {
      let accounts = QueueAccounts(try await agent.metrics(), path: "/api/v1/write")
      #expect(accounts.addUp && accounts.dropped == 0)
      return target.pages > enough + 2 && accounts.pending == 0 && accounts.acknowledged > 0
    }
    let accounts = QueueAccounts(try await agent.metrics(), path: "/api/v1/write")
    await agent.stop()
    let pages = try await prometheus.value("count_over_time(target_pages_total[10m])") ?? 0
    #expect(Int(pages) >= enough)
    #expect(try await prometheus.value("sum(count_over_time(neighbour[10m]))") == pages * 1000)
    let last = try #require(try await prometheus.value("target_pages_total offset 0s"))
    let failures = try await prometheus.value("count_over_time((up == 0)[10m:1s])") ?? 0
    #expect(last - pages <= failures + 1, "\(last) pages, \(pages) arrived")
    // Those of the scrapes after the look are not in it.
    #expect((1...pages).contains(accounts.rejected))
    await prometheus.stop()
    await target.stop()
  }
}
