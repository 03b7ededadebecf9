// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Queue
internal import Telemetry

/// What a log destination reports of itself: the names dashboards for Alloy know, and ours for the queue.
struct LokiWriteMetrics {
  private let destination: DestinationMetrics
  private let host: String
  private let tenant: String
  private let dropped: [LogBlockEncoder.DropReason: LogBlockEncoder.Dropped]
  private let cutLines: Int

  init(_ destination: LokiDestination) async {
    self.destination = await DestinationMetrics(destination.name, destination.url, destination.delivery)
    host = destination.host
    tenant = destination.tenant
    dropped = await destination.dropped
    cutLines = await destination.cutLines
  }

  func write(to batch: inout SeriesBatch) {
    let delivery = destination.delivery
    write("loki_write_sent_entries_total", "Lines the hub took.", delivery.sentSamples, to: &batch)
    write("loki_write_sent_bytes_total", "Bytes of requests it took, compressed.", delivery.sentBytes, to: &batch)
    write("loki_write_batch_retries_total", "Requests sent again.", delivery.failedRequests, to: &batch)
    writeDropped(to: &batch)
    destination.write(
      [("spoke_write_lines_cut_total", .counter, "Lines cut to the 256 KiB Loki takes.", Double(cutLines))], to: &batch)
    destination.write(to: &batch)
  }

  private func write(_ name: StaticString, _ help: StaticString, _ value: Int, to batch: inout SeriesBatch) {
    batch.family(name, .counter, help: help)
    batch.label("host", host)
    batch.label("tenant", tenant)
    batch.append(Double(value))
  }

  /// Every reason is there from the start, so that `increase()` sees the first drop.
  private func writeDropped(to batch: inout SeriesBatch) {
    batch.family("loki_write_dropped_entries_total", .counter, help: "Lines the hub will not have, by reason.")
    for reason in LogBlockEncoder.DropReason.allCases {
      append(reason.rawValue, dropped[reason]?.entries ?? 0, to: &batch)
    }
    for (reason, count) in rejected { append(reason, count, to: &batch) }
    batch.family(
      "loki_write_dropped_bytes_total", .counter, help: "Bytes of lines that were left out here, by reason.")
    for reason in LogBlockEncoder.DropReason.allCases {
      append(reason.rawValue, dropped[reason]?.bytes ?? 0, to: &batch)
    }
  }

  /// What the hub refused, by the names Alloy gives the reasons.
  private var rejected: [(reason: String, count: Int)] {
    var counts = ["ingester_error": 0, "rate_limited": 0, "line_too_long": 0]
    for (reason, count) in destination.delivery.rejectedSamples {
      switch reason {
      case .rateLimited: counts["rate_limited", default: 0] += count
      case .tooLarge: counts["line_too_long", default: 0] += count
      default: counts["ingester_error", default: 0] += count
      }
    }
    return counts.sorted { $0.key < $1.key }.map { (reason: $0.key, count: $0.value) }
  }

  private func append(_ reason: String, _ value: Int, to batch: inout SeriesBatch) {
    batch.label("host", host)
    batch.label("tenant", tenant)
    batch.label("reason", reason)
    batch.append(Double(value))
  }
}
