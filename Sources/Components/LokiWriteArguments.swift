// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import HTTP
internal import Linux
internal import Syntax

/// What a `loki.write` block says.
struct LokiWriteArguments {
  var externalLabels: [String: String]
  /// The most streams one block may have; 0 for any number.
  var maxStreams: Int
  var endpoints: [LokiWriteEndpoint]

  init(_ block: BlockDecoder, version: String) {
    externalLabels = block.optional("external_labels", .map(of: .string), default: [:])
    maxStreams = block.optional("max_streams", .int, default: 0)
    if maxStreams < 0 { block.error("max_streams must not be negative", at: "max_streams") }
    endpoints = block.blocks("endpoint").map { LokiWriteEndpoint($0, version: version) }
    decodeWAL(block)
    reportDuplicates(block)
  }

  /// Every endpoint has a queue on disk; there is nothing to switch on.
  private func decodeWAL(_ block: BlockDecoder) {
    guard let wal = block.block("wal") else { return }
    let enabled = wal.optional("enabled", .bool, default: false)
    _ = wal.optional("max_segment_age", .duration)
    _ = wal.optional("min_read_frequency", .duration)
    _ = wal.optional("max_read_frequency", .duration)
    _ = wal.optional("drain_timeout", .duration)
    if !enabled, wal.has("enabled") {
      wal.warning("the queue on disk cannot be switched off: it is what keeps lines from being lost", at: "enabled")
    } else {
      wal.warning(
        "the wal block does nothing: every endpoint has a queue on disk that keeps lines until the hub has them")
    }
  }

  private func reportDuplicates(_ block: BlockDecoder) {
    var seen: Set<String> = []
    for (index, endpoint) in endpoints.enumerated()
    where endpoint.common.url != nil && !seen.insert(endpoint.common.directoryName).inserted {
      block.blocks("endpoint")[index].error(
        "duplicate endpoint configs are not allowed, found duplicate for name: \(endpoint.common.displayName)",
        hint: "give it another name")
    }
  }
}

/// One `endpoint` block.
struct LokiWriteEndpoint {
  var common: EndpointArguments
  /// How long lines wait for company before they are written to the queue.
  var batchWait: Duration
  /// How many bytes of lines make a block at once.
  var batchBytes: Int
  var sender: SenderOptions

  /// What a block can hold at most.
  private static let largestBatch = 2 << 20

  init(_ block: BlockDecoder, version: String) {
    common = EndpointArguments(block, version: version, timeout: .seconds(10), http2ByDefault: true)
    common.tenant = block.optional("tenant_id", .string, default: "")
    batchWait = block.optional("batch_wait", .duration, default: .seconds(1))
    if batchWait < .zero { block.error("batch_wait must not be negative", at: "batch_wait") }
    batchBytes = block.optional("batch_size", .byteSize, default: 1 << 20)
    if batchBytes <= 0 { block.error("batch_size must be greater than 0", at: "batch_size") }
    sender = .lines
    decodeBackoff(block)
    if batchBytes > Self.largestBatch {
      block.warning("batch_size is taken as 2MiB, which is what a block of the queue can hold", at: "batch_size")
      batchBytes = Self.largestBatch
    }
    sender.maxRequestBytes = max(batchBytes, 1 << 20)
    if let queue = block.block("queue_config") { decodeQueue(queue) }
  }

  /// Where its requests go.
  func endpoint(version: String) -> Endpoint {
    Endpoint(
      url: common.address, dialect: .loki, version: version, headers: common.headers, tenant: common.tenant,
      timeout: common.timeout)
  }

  private mutating func decodeBackoff(_ block: BlockDecoder) {
    sender.limits.shortestBackoff = block.optional("min_backoff_period", .duration, default: .milliseconds(500))
    sender.limits.longestBackoff = block.optional("max_backoff_period", .duration, default: .seconds(300))
    if sender.limits.shortestBackoff <= .zero || sender.limits.longestBackoff < sender.limits.shortestBackoff {
      block.error(
        "min_backoff_period must be greater than 0 and not above max_backoff_period", at: "min_backoff_period")
    }
    let tries = block.optional("max_backoff_retries", .int, default: 0)
    if tries < 0 { block.error("max_backoff_retries must not be negative", at: "max_backoff_retries") }
    if tries > 0 {
      block.warning(
        "max_backoff_retries does nothing: lines stay in the queue on disk until the hub has them",
        at: "max_backoff_retries", hint: "0 says the same")
    }
    sender.limits.retriesTooManyRequests = block.optional("retry_on_http_429", .bool, default: true)
  }

  private func decodeQueue(_ block: BlockDecoder) {
    _ = block.optional("capacity", .byteSize)
    _ = block.optional("min_shards", .int)
    _ = block.optional("drain_timeout", .duration)
    let blocks = block.optional("block_on_overflow", .bool, default: true)
    if !blocks {
      block.warning(
        "block_on_overflow = false is not followed: a full queue pauses its sources and drops nothing",
        at: "block_on_overflow")
    } else {
      block.warning(
        "queue_config does nothing: the queue is on disk, and --storage.queue-bytes is its bound")
    }
  }
}
