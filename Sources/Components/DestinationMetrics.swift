// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Queue
internal import Telemetry

/// What every destination reports of its queue and its endpoint; the counters reach across restarts.
struct DestinationMetrics {
  typealias Metric = (name: StaticString, type: MetricType, help: StaticString, value: Double)

  let delivery: DeliveryStatistics
  let queue: QueueStatistics
  private let name: String
  private let url: String

  init(_ name: String, _ url: String, _ delivery: QueuedDelivery) async {
    self.name = name
    self.url = url
    self.delivery = await delivery.sender.statistics
    queue = await delivery.queue.statistics
  }

  func write(to batch: inout SeriesBatch) {
    write(queueMetrics + endpointMetrics + times, to: &batch)
    writeReasons(to: &batch)
  }

  /// Writes `metrics`, each a family of one series with the destination's labels.
  func write(_ metrics: [Metric], to batch: inout SeriesBatch) {
    for metric in metrics {
      batch.family(metric.name, metric.type, help: metric.help)
      append(metric.value, to: &batch)
    }
  }

  private func append(_ value: Double, to batch: inout SeriesBatch) {
    batch.label("remote_name", name)
    batch.label("url", url)
    batch.append(value)
  }

  /// The conservation equation and the state of the disk; counters reach across restarts.
  private var queueMetrics: [Metric] {
    [
      ("spoke_queue_enqueued_items_total", .counter, "Items taken in.", Double(queue.enqueued)),
      ("spoke_queue_acknowledged_items_total", .counter, "Items the hub took.", Double(queue.acknowledged)),
      ("spoke_queue_rejected_items_total", .counter, "Items the hub refused.", Double(queue.rejected)),
      ("spoke_queue_pending_items", .gauge, "Items that wait for the hub.", Double(queue.pending)),
      ("spoke_queue_bytes", .gauge, "Bytes on disk.", Double(queue.bytes)),
      ("spoke_queue_segments", .gauge, "Files on disk.", Double(queue.segments)),
      ("spoke_queue_degraded", .gauge, "1 while the disk takes nothing.", queue.degraded == nil ? 0 : 1),
      (
        "spoke_queue_corrupt_records_total", .counter, "Damaged stretches passed over.", Double(queue.corruptRecords)
      ),
      (
        "spoke_queue_unclean_starts_total", .counter, "Starts that found the queue not closed.",
        Double(queue.uncleanStarts)
      ),
      ("spoke_queue_syncs_total", .counter, "Times data was made durable.", Double(queue.syncs)),
    ]
  }

  private var endpointMetrics: [Metric] {
    [
      ("spoke_endpoint_up", .gauge, "1 while the hub takes what it is sent.", delivery.state == .up ? 1 : 0),
      (
        "spoke_endpoint_failed_requests_total", .counter, "Requests that have to be sent again.",
        Double(delivery.failedRequests)
      ),
    ]
  }

  private func writeReasons(to batch: inout SeriesBatch) {
    batch.family("spoke_queue_dropped_items_total", .counter, help: "Items dropped, by reason.")
    for reason in DropReason.allCases {
      batch.label("reason", reason.label)
      append(Double(queue.dropped[reason] ?? 0), to: &batch)
    }
    batch.family("spoke_endpoint_rejected_items_total", .counter, help: "Items the hub refused, by reason.")
    for (reason, count) in delivery.rejectedSamples.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      batch.label("reason", reason.rawValue)
      append(Double(count), to: &batch)
    }
  }

  /// What is known only once there is something to know.
  private var times: [Metric] {
    var metrics: [Metric] = []
    if let oldest = queue.oldestTimestampMilliseconds {
      metrics.append(
        (
          "spoke_queue_oldest_timestamp_seconds", .gauge, "Time of the oldest item that waits.", Double(oldest) / 1000
        ))
    }
    if let skew = delivery.clockSkewSeconds {
      metrics.append(
        (
          "spoke_endpoint_clock_skew_seconds", .gauge, "How far the hub's clock is ahead of this host's.", Double(skew)
        ))
    }
    return metrics
  }
}

extension DropReason {
  fileprivate var label: String {
    switch self {
    case .queueFull: "queue_full"
    case .expired: "expired"
    case .damaged: "damaged"
    case .memoryFull: "memory_full"
    }
  }
}
