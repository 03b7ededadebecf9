// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// What `agent queue dump` says is waiting in a state directory, by metric name.
struct QueueDump {
  typealias Sample = PrometheusServer.Sample

  private(set) var samples: [String: [Sample]] = [:]

  /// Asks the program itself, as a user would.
  init(ofState directory: String) async throws {
    let outcome = try await AgentProcess.command(["queue", "dump", "--limit=1000000", directory])
    try #require(outcome.status == 0, "\(outcome.errors)")
    for line in outcome.output.split(separator: "\n") where line.hasPrefix("    ") { read(line) }
  }

  /// `    name{label="value"} 5.0 2026-01-02T03:04:05.678000Z`; what ends a series is no sample.
  private mutating func read(_ line: Substring) {
    let words = line.split(separator: " ")
    guard words.count >= 3, let value = Double(words[words.count - 2]), let time = milliseconds(words[words.count - 1])
    else { return }
    let name = String(words[0].prefix { $0 != "{" })
    samples[name, default: []].append(Sample(timestampMilliseconds: time, value: value))
  }
}

private func milliseconds(_ text: Substring) -> Int64? {
  let numbers = text.split { "-T:.Z".contains($0) }.compactMap { Int32($0) }
  guard numbers.count == 7 else { return nil }
  var parts = tm()
  (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
  (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
  return Int64(timegm(&parts)) * 1000 + Int64(numbers[6]) / 1000
}
