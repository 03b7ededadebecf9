// SPDX-License-Identifier: Apache-2.0

import Hub

/// What became of the pages a target gave: each is a sample of `target_pages_total`, and one of `target_echo`.
struct PageOracle {
  /// Pages that are not there although their scrape was finished.
  private(set) var lost: [Int] = []
  /// How many pages are there more than once.
  private(set) var duplicated = 0
  /// How many samples came after one of a later time.
  private(set) var disordered = 0
  /// How many scrapes say that they failed; each explains a page that is missing.
  private(set) var failures = 0

  /// `unfinished` are the pages that the agent may have been killed over: the last one of each that was started.
  init(through last: Int, unfinished: Set<Int>, _ hub: EmbeddedHub) {
    let pages = samples(hub, "target_pages_total")
    let present = Set(pages.map { Int($0.value) })
    failures = samples(hub, "up").count { $0.value == 0 }
    lost = last > 0 ? (1...last).filter { !present.contains($0) && !unfinished.contains($0) } : []
    if lost.count <= failures { lost = [] }
    duplicated = pages.count - present.count
    for series in hub.series() {
      let times = series.samples.map(\.timestampMilliseconds)
      disordered += zip(times, times.dropFirst()).count { $0 >= $1 }
    }
    let echoes = Set(samples(hub, "target_echo").map { Int(-$0.value) })
    // A page is one scrape, and a scrape is there whole.
    lost += present.subtracting(echoes).sorted()
  }
}

/// What ends a series is no number, and Prometheus does not show it either.
private func samples(_ hub: EmbeddedHub, _ name: String) -> [ReceivedSeries.Sample] {
  hub.series(named: name).flatMap(\.samples).filter { !$0.value.isNaN }
}
