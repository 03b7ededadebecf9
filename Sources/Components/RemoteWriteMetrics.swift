// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import Queue
internal import Telemetry

/// What a remote write destination reports of itself: the names dashboards for Prometheus know, and ours for the queue.
struct RemoteWriteMetrics {
  private let destination: DestinationMetrics

  init(_ destination: RemoteWriteDestination) async {
    self.destination = await DestinationMetrics(destination.name, destination.url, destination.delivery)
  }

  func write(to batch: inout SeriesBatch) {
    destination.write(metrics, to: &batch)
    destination.write(to: &batch)
    if let highest = destination.delivery.highestSentTimestampMilliseconds {
      destination.write(
        [
          (
            "prometheus_remote_storage_queue_highest_sent_timestamp_seconds", .gauge,
            "Time of the newest sample the hub took.", Double(highest) / 1000
          )
        ], to: &batch)
    }
  }

  /// What dashboards and alerts for Prometheus ask for.
  private var metrics: [DestinationMetrics.Metric] {
    let (delivery, queue) = (destination.delivery, destination.queue)
    return [
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
}
