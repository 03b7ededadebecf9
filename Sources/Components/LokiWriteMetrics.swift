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
    writeRequests(to: &batch)
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
    writeByReason(dropped.mapValues(\.entries), destination.delivery.rejectedSamples, to: &batch)
    batch.family(
      "loki_write_dropped_bytes_total", .counter,
      help: "Bytes of lines left out here, and of requests the hub will not have, by reason.")
    writeByReason(dropped.mapValues(\.bytes), destination.delivery.rejectedBytes, to: &batch)
  }

  private func writeRequests(to batch: inout SeriesBatch) {
    batch.family("loki_write_request_duration_seconds", .histogram, help: "How long requests took, by status.")
    for (status, histogram) in destination.delivery.requestSecondsByStatus.sorted(by: { $0.key < $1.key }) {
      write(
        histogram.counts, bounds: DurationHistogram.bounds, sum: histogram.sum, ("status_code", "\(status)"), to: &batch
      )
    }
    batch.family("loki_write_request_size_bytes", .histogram, help: "How large requests were, compressed.")
    let sizes = destination.delivery.requestBytes
    write(sizes.counts, bounds: SizeHistogram.bounds.map(Double.init), sum: Double(sizes.sum), nil, to: &batch)
  }

  private func write(
    _ counts: [Int], bounds: [Double], sum: Double, _ label: (name: String, value: String)?, to batch: inout SeriesBatch
  ) {
    func labels(_ batch: inout SeriesBatch) {
      batch.label("host", host)
      batch.label("tenant", tenant)
      if let label { batch.label(label.name, label.value) }
    }
    var total = 0
    for (index, count) in counts.enumerated() {
      total += count
      labels(&batch)
      batch.label("le", index < bounds.count ? boundText(bounds[index]) : "+Inf")
      batch.append(Double(total), suffix: "_bucket")
    }
    labels(&batch)
    batch.append(sum, suffix: "_sum")
    labels(&batch)
    batch.append(Double(total), suffix: "_count")
  }

  /// What was left out here and what the hub refused, by the names Alloy has for the reasons.
  private func writeByReason(
    _ dropped: [LogBlockEncoder.DropReason: Int], _ rejected: [RefusalReason: Int], to batch: inout SeriesBatch
  ) {
    var counts = ["ingester_error": 0, "rate_limited": 0, "line_too_long": 0]
    for reason in LogBlockEncoder.DropReason.allCases { counts[reason.rawValue] = dropped[reason] ?? 0 }
    for (reason, count) in rejected { counts[reason.lokiReason, default: 0] += count }
    for (reason, count) in counts.sorted(by: { $0.key < $1.key }) { append(reason, count, to: &batch) }
  }

  private func append(_ reason: String, _ value: Int, to batch: inout SeriesBatch) {
    batch.label("host", host)
    batch.label("tenant", tenant)
    batch.label("reason", reason)
    batch.append(Double(value))
  }
}

/// A bound as Prometheus writes it: `0.25`, `5`.
private func boundText(_ bound: Double) -> String {
  bound == bound.rounded() ? "\(Int(bound))" : "\(bound)"
}
