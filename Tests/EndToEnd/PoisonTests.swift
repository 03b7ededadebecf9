// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// A sample among thousands that Prometheus will not have: the agent isolates it, its neighbours arrive.
@Suite(.enabled(if: PrometheusServer.isInstalled, "Debian's prometheus is not installed")) struct PoisonTests {
  @Test(arguments: ["0s", "30m"])
  func `a backlog with three poisoned samples in each scrape arrives, except for those`(
    outOfOrderWindow: String
  ) async throws {
    let directory = try TemporaryDirectory()
    let neighbours = (0..<1000).map { "neighbour{n=\"\($0)\"} 1\n" }.joined()
    let now = wallClockMilliseconds()
    let target = try await ExpositionTarget.start { neighbours + poison($0, now) }
    let prometheus = try await PrometheusServer.start(outOfOrderWindow: outOfOrderWindow)
    let agent = try await AgentProcess.run(
      """
      prometheus.scrape "target" {
        targets         = [{ __address__ = "\(target.address)" }]
        forward_to      = [prometheus.remote_write.hub.receiver]
        scrape_interval = "400ms"
        scrape_timeout  = "400ms"
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
      let now = QueueAccounts(try await agent.metrics(), path: "/api/v1/write")
      #expect(now.addUp && now.dropped == 0)
      return target.pages > enough + 2 && now.pending == 0 && now.acknowledged > 0
    }
    let accounts = QueueAccounts(try await agent.metrics(), path: "/api/v1/write")
    await agent.stop()
    let pages = try await prometheus.query("target_pages_total[10m]").flatMap(\.samples).map(\.value)
    #expect(pages.count >= enough)
    #expect(try await prometheus.value("sum(count_over_time(neighbour[10m]))") == Double(pages.count * 1000))
    // One that was scraped for too long says so; the last may have been cut off.
    let failures = try await prometheus.query("up[10m]").flatMap(\.samples).count { $0.value == 0 }
    #expect(Int(pages.last ?? 0) - pages.count <= failures + 1, "\(pages)")
    // An older Prometheus takes what is from the future, and the same again; of what changes, each takes the first.
    // What was scraped after the look is not among the rejected.
    let takesFuture = try await !prometheus.query("poison{kind=\"future\"}[2h] offset -2h").isEmpty
    let perPage = takesFuture ? 2 : 3
    let rejected = Int(accounts.rejected)
    #expect(
      rejected >= perPage * (enough - failures) - 1 && rejected < perPage * target.pages,
      "\(rejected) of \(pages.count) pages, \(enough) wanted, \(target.pages) given, \(failures) failed")
    await prometheus.stop()
    await target.stop()
  }
}

/// From the future, too old for every window, and with another value each time for one moment.
private func poison(_ page: Int, _ now: Int64) -> String {
  """
  poison{kind="future"} 1 \(now + 3_600_000)
  poison{kind="old"} 1 \(now - 3 * 3_600_000)
  poison{kind="changing"} \(page) \(now)
  """
}
