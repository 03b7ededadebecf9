// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// What one scrape writes into. Scrapes are spread over time, so a pool needs few of these, not one per target.
struct ScrapeBuffers: Sendable {
  /// What the target said.
  var scraped = SeriesBatch()
  /// What is sent on.
  var outgoing = SeriesBatch()

  /// Larger ones are let go after the scrape: one huge target must not keep the memory of its page.
  private static let largestKept = 4 << 20

  var isWorthKeeping: Bool { size(scraped) + size(outgoing) <= Self.largestKept }

  private func size(_ batch: SeriesBatch) -> Int {
    batch.labelBytes.capacity + batch.texts.capacity + batch.rows.capacity * MemoryLayout<SeriesBatch.Row>.stride
  }

  mutating func removeAll() {
    scraped.removeAll()
    outgoing.removeAll()
  }
}
