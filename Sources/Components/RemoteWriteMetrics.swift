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

  func write(to batch: inout SeriesBatch) {
    writePrometheusNames(to: &batch)
    writeQueue(to: &batch)
    writeEndpoint(to: &batch)
  }

  private func append(_ value: Double, to batch: inout SeriesBatch) {
    batch.label("remote_name", name)
    batch.label("url", url)
    batch.append(value)
  }

  private func writePrometheusNames(to batch: inout SeriesBatch) {
    batch.family("prometheus_remote_storage_samples_in_total", .counter, help: "Samples taken into the queue.")
    append(Double(queue.enqueued), to: &batch)
    batch.family("prometheus_remote_storage_samples_total", .counter, help: "Samples the hub took.")
    append(Double(delivery.sentSamples), to: &batch)
    batch.family(
      "prometheus_remote_storage_samples_failed_total", .counter, help: "Samples the hub refused for good.")
    append(Double(delivery.rejectedSamples.values.reduce(0, +)), to: &batch)
    batch.family("prometheus_remote_storage_samples_retried_total", .counter, help: "Samples sent again.")
    append(Double(delivery.retriedSamples), to: &batch)
    batch.family("prometheus_remote_storage_samples_dropped_total", .counter, help: "Samples dropped by the queue.")
    append(Double(queue.droppedTotal), to: &batch)
    batch.family("prometheus_remote_storage_samples_pending", .gauge, help: "Samples that wait for the hub.")
    append(Double(queue.pending), to: &batch)
    batch.family("prometheus_remote_storage_bytes_total", .counter, help: "Bytes of samples sent, compressed.")
    append(Double(delivery.sentBytes), to: &batch)
    batch.family("prometheus_remote_storage_metadata_total", .counter, help: "Metadata entries sent.")
    append(Double(delivery.sentMetadata), to: &batch)
    batch.family("prometheus_remote_storage_shards", .gauge, help: "Connections that send samples.")
    append(1, to: &batch)
    if let highest = delivery.highestSentTimestampMilliseconds {
      batch.family(
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds", .gauge,
        help: "Time of the newest sample the hub took.")
      append(Double(highest) / 1000, to: &batch)
    }
  }

  private func writeQueue(to batch: inout SeriesBatch) {
    batch.family("spoke_queue_enqueued_items_total", .counter, help: "Items taken in, across restarts.")
    append(Double(queue.enqueued), to: &batch)
    batch.family("spoke_queue_acknowledged_items_total", .counter, help: "Items the hub took, across restarts.")
    append(Double(queue.acknowledged), to: &batch)
    batch.family("spoke_queue_rejected_items_total", .counter, help: "Items the hub refused, across restarts.")
    append(Double(queue.rejected), to: &batch)
    batch.family("spoke_queue_dropped_items_total", .counter, help: "Items dropped, across restarts, by reason.")
    for reason in DropReason.allCases {
      batch.label("reason", reason.label)
      append(Double(queue.dropped[reason] ?? 0), to: &batch)
    }
    batch.family("spoke_queue_pending_items", .gauge, help: "Items that wait for the hub.")
    append(Double(queue.pending), to: &batch)
    batch.family("spoke_queue_bytes", .gauge, help: "Bytes on disk.")
    append(Double(queue.bytes), to: &batch)
    batch.family("spoke_queue_segments", .gauge, help: "Files on disk.")
    append(Double(queue.segments), to: &batch)
    batch.family("spoke_queue_degraded", .gauge, help: "1 while the disk takes nothing.")
    append(queue.degraded == nil ? 0 : 1, to: &batch)
    batch.family("spoke_queue_corrupt_records_total", .counter, help: "Damaged stretches passed over.")
    append(Double(queue.corruptRecords), to: &batch)
    batch.family("spoke_queue_unclean_starts_total", .counter, help: "Starts that found the queue not closed.")
    append(Double(queue.uncleanStarts), to: &batch)
    batch.family("spoke_queue_syncs_total", .counter, help: "Times data was made durable.")
    append(Double(queue.syncs), to: &batch)
    if let oldest = queue.oldestTimestampMilliseconds {
      batch.family("spoke_queue_oldest_timestamp_seconds", .gauge, help: "Time of the oldest item that waits.")
      append(Double(oldest) / 1000, to: &batch)
    }
  }

  private func writeEndpoint(to batch: inout SeriesBatch) {
    batch.family("spoke_endpoint_up", .gauge, help: "1 while the hub takes what it is sent.")
    append(delivery.state == .up ? 1 : 0, to: &batch)
    batch.family("spoke_endpoint_failed_requests_total", .counter, help: "Requests that have to be sent again.")
    append(Double(delivery.failedRequests), to: &batch)
    batch.family("spoke_endpoint_rejected_items_total", .counter, help: "Items the hub refused, by reason.")
    for (reason, count) in delivery.rejectedSamples.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      batch.label("reason", "\(reason)")
      append(Double(count), to: &batch)
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
