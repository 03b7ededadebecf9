// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import Synchronization
import Telemetry
import Testing

/// A target whose one series counts its scrapes: what a hub has of it shows a lost scrape as a hole.
final class CountingTarget: Sendable {
  private let server: HTTPServer

  static func start() async throws -> CountingTarget {
    let scrapes = ScrapeCount()
    return CountingTarget(
      server: try await HTTPServer.start(host: "127.0.0.1", port: 0, on: loopbackNetwork) { _ in
        ServerResponse(
          headers: ["Content-Type": "text/plain; version=0.0.4"],
          body: Array("test_scrapes_total \(scrapes.add())\n".utf8))
      })
  }

  private init(server: HTTPServer) { self.server = server }

  /// Its address, as a target's `__address__`.
  var address: String { "127.0.0.1:\(server.port)" }

  private final class ScrapeCount: Sendable {
    private let count = Mutex(0)

    func add() -> Int {
      count.withLock {
        $0 += 1
        return $0
      }
    }
  }
}

extension EmbeddedHub {
  /// The counts of scrapes that arrived of a job, in the order they came; the ends of series are no counts.
  func scrapes(job: String = "count") -> [Int] {
    series(named: "test_scrapes_total").filter { $0.labels["job"] == job }
      .flatMap { $0.samples.compactMap { Int(exactly: $0.value) } }
  }

  /// Expects that every scrape of a job that succeeded is here, once and in order.
  ///
  /// On a machine that is busy with other things a scrape may have taken too long; it has told so. One more may have
  /// been cut off each time the agent or the component was stopped.
  func expectEveryScrape(job: String = "count", stops: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) {
    let counts = scrapes(job: job)
    #expect(!counts.isEmpty, sourceLocation: sourceLocation)
    #expect(counts == Array(Set(counts)).sorted(), sourceLocation: sourceLocation)
    let missing = (counts.last ?? 0) - counts.count
    #expect(missing <= failedScrapes(job: job) + stops, "\(counts)", sourceLocation: sourceLocation)
    #expect(duplicates == 0, sourceLocation: sourceLocation)
  }

  /// How many scrapes of a job say that they failed.
  func failedScrapes(job: String = "count") -> Int {
    series(named: "up").filter { $0.labels["job"] == job }.reduce(0) { $0 + $1.samples.count { $0.value == 0 } }
  }

  /// How many samples came more than once.
  var duplicates: Int { snapshot().duplicateSamples }

  /// A scrape of `target` every 100 ms, sent here.
  func configuration(_ target: CountingTarget, endpoint: String = "", more: String = "") -> String {
    """
    prometheus.scrape "count" {
      targets         = [{"__address__" = "\(target.address)", "job" = "count"}]
      forward_to      = [prometheus.remote_write.hub.receiver]
      scrape_interval = "100ms"
      scrape_timeout  = "100ms"
    }

    \(remoteWrite(port: port, endpoint))
    \(more)
    """
  }
}

/// A component that sends to a hub at `port`.
func remoteWrite(port: Int, _ endpoint: String = "") -> String {
  """
  prometheus.remote_write "hub" {
    endpoint {
      url = "http://127.0.0.1:\(port)/api/v1/write"
      \(endpoint)
    }
  }

  """
}
