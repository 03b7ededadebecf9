// SPDX-License-Identifier: Apache-2.0

/// What the agent says of one of its queues on `/metrics`.
struct QueueAccounts: Equatable {
  var enqueued = 0.0
  var acknowledged = 0.0
  var rejected = 0.0
  var dropped = 0.0
  var pending = 0.0
  var isDegraded = false

  /// Those of the queue whose endpoint's path is `path`.
  init(_ metrics: [String: Double], path: String) {
    let own = metrics.filter { $0.key.contains(path) }
    enqueued = own.sum("spoke_queue_enqueued_items_total")
    acknowledged = own.sum("spoke_queue_acknowledged_items_total")
    rejected = own.sum("spoke_queue_rejected_items_total")
    dropped = own.sum("spoke_queue_dropped_items_total")
    pending = own.sum("spoke_queue_pending_items")
    isDegraded = own.sum("spoke_queue_degraded") > 0
  }

  /// The promise of conservation.
  var addUp: Bool { enqueued == acknowledged + rejected + dropped + pending }
}
