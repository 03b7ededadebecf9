// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Queue
internal import Telemetry

/// What a destination reports of itself: the names dashboards for Prometheus know, and ours for the queue.
struct RemoteWriteMetrics {
  private let name: String
  private let url: String
  private let delivery: DeliveryStatistics
  private let queue: QueueStatistics

  init(_ destination: RemoteWriteDestination) async {
    name = destination.name
    url = destination.url
    delivery = await destination.sender.statistics
    queue = await destination.queue.statistics
  }

  private typealias Metric = (name: StaticString, type: MetricType, help: StaticString, value: Double)

  func write(to batch: inout SeriesBatch) {
    for metric in prometheusMetrics + queueMetrics + endpointMetrics {
      batch.family(metric.name, metric.type, help: metric.help)
      append(metric.value, to: &batch)
    }
    writeReasons(to: &batch)
    writeTimes(to: &batch)
  }

  private func append(_ value: Double, to batch: inout SeriesBatch) {
    batch.label("remote_name", name)
    batch.label("url", url)
    batch.append(value)
  }

  /// What dashboards and alerts for Prometheus ask for.
  private var prometheusMetrics: [Metric] {
    [
      ("prometheus_remote_storage_samples_in_total", .counter, "Samples taken into the queue.", Double(queue.enqueued)),
      ("prometheus_remote_storage_samples_total", .counter, "Samples the hub took.", Double(delivery.sentSamples)),
      (
        "prometheus_remote_storage_samples_failed_total", .counter, "Samples the hub refused for good.",
        Double(delivery.rejectedSamples.values.reduce(0, +))
      ),
      (
        "prometheus_remote_storage_samples_retried_total", .counter, "Samples sent again.",
        Double(delivery.retriedSamples)
      ),
      (
        "prometheus_remote_storage_samples_dropped_total", .counter, "Samples dropped by the queue.",
        Double(queue.droppedTotal)
      ),
      ("prometheus_remote_storage_samples_pending", .gauge, "Samples that wait for the hub.", Double(queue.pending)),
      (
        "prometheus_remote_storage_bytes_total", .counter, "Bytes of samples sent, compressed.",
        Double(delivery.sentBytes)
      ),
      ("prometheus_remote_storage_metadata_total", .counter, "Metadata entries sent.", Double(delivery.sentMetadata)),
      ("prometheus_remote_storage_shards", .gauge, "Connections that send samples.", 1),
    ]
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
  private func writeTimes(to batch: inout SeriesBatch) {
    if let highest = delivery.highestSentTimestampMilliseconds {
      batch.family(
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds", .gauge,
        help: "Time of the newest sample the hub took.")
      append(Double(highest) / 1000, to: &batch)
    }
    if let oldest = queue.oldestTimestampMilliseconds {
      batch.family("spoke_queue_oldest_timestamp_seconds", .gauge, help: "Time of the oldest item that waits.")
      append(Double(oldest) / 1000, to: &batch)
    }
    if let skew = delivery.clockSkewSeconds {
      batch.family(
        "spoke_endpoint_clock_skew_seconds", .gauge, help: "How far the hub's clock is ahead of this host's.")
      append(Double(skew), to: &batch)
    }
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
