// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import HTTP
internal import Relabel
internal import Syntax

/// What a `prometheus.remote_write` block says.
struct RemoteWriteArguments {
  var externalLabels: [String: String]
  var endpoints: [RemoteWriteEndpoint]

  init(_ block: BlockDecoder, version: String) {
    externalLabels = block.optional("external_labels", .map(of: .string), default: [:])
    endpoints = block.blocks("endpoint").map { RemoteWriteEndpoint($0, version: version) }
    decodeWAL(block)
    if let misplaced = block.blocks("queue_config").first {
      misplaced.error("queue_config belongs into an endpoint block", hint: "move it into endpoint { … }")
      misplaced.ignoreRest()
    }
    reportDuplicates(block)
  }

  /// The write-ahead log is this agent's own, always on, and bounded by bytes and age instead.
  private func decodeWAL(_ block: BlockDecoder) {
    guard let wal = block.block("wal") else { return }
    let truncate = wal.optional("truncate_frequency", .duration, default: .seconds(7200))
    let least = wal.optional("min_keepalive_time", .duration, default: .seconds(300))
    let most = wal.optional("max_keepalive_time", .duration, default: .seconds(8 * 3600))
    if truncate <= .zero {
      wal.error("truncate_frequency must not be 0", at: "truncate_frequency")
    }
    if most <= least {
      wal.error("min_keepalive_time must be smaller than max_keepalive_time", at: "max_keepalive_time")
    }
    wal.warning(
      "the wal block does nothing: every endpoint has a queue on disk that keeps samples until the hub has them",
      hint: "queue_config.sample_age_limit drops what is too old to be of use")
  }

  private func reportDuplicates(_ block: BlockDecoder) {
    var seen: Set<String> = []
    for (index, endpoint) in endpoints.enumerated()
    where endpoint.common.url != nil && !seen.insert(endpoint.common.directoryName).inserted {
      block.blocks("endpoint")[index].error(
        "there is already an endpoint with this url and name", hint: "give it another name")
    }
  }
}

/// One `endpoint` block.
struct RemoteWriteEndpoint {
  var common: EndpointArguments
  var sendExemplars: Bool
  var sender: SenderOptions
  var metadata: MetadataSender.Options?
  var rules: [RelabelRule]

  init(_ block: BlockDecoder, version: String) {
    common = EndpointArguments(block, version: version, timeout: .seconds(30), http2ByDefault: false)
    sendExemplars = block.optional("send_exemplars", .bool, default: true)
    sender = SenderOptions()
    metadata = MetadataSender.Options()
    rules = RelabelRule.decode("write_relabel_config", of: block)
    if let queue = block.block("queue_config") { decodeQueue(queue) }
    if let metadata = block.block("metadata_config") { decodeMetadata(metadata) }
    refuseWhatIsMissing(block)
  }

  /// Where its requests go.
  func endpoint(version: String) -> Endpoint {
    Endpoint(url: common.address, version: version, headers: common.headers, timeout: common.timeout)
  }

  private mutating func decodeQueue(_ block: BlockDecoder) {
    for (name, standard) in [("capacity", 10_000), ("min_shards", 1), ("max_shards", 50)] {
      let value = block.optional(name, .int, default: standard)
      if value != standard {
        block.warning(
          "\(name) does nothing: one connection sends everything in order, from a queue on disk", at: name)
      }
    }
    sender.maxSamplesPerSend = block.optional("max_samples_per_send", .int, default: 2000)
    if sender.maxSamplesPerSend < 1 {
      block.error("max_samples_per_send must be greater than 0", at: "max_samples_per_send")
    }
    if block.optional("batch_send_deadline", .duration, default: .seconds(5)) != .seconds(5) {
      block.warning(
        "batch_send_deadline does nothing: a finished scrape is on disk and on its way at once",
        at: "batch_send_deadline")
    }
    sender.limits.shortestBackoff = block.optional("min_backoff", .duration, default: .milliseconds(30))
    sender.limits.longestBackoff = block.optional("max_backoff", .duration, default: .seconds(5))
    if sender.limits.shortestBackoff <= .zero || sender.limits.longestBackoff < sender.limits.shortestBackoff {
      block.error("min_backoff must be greater than 0 and not above max_backoff", at: "min_backoff")
    }
    sender.limits.retriesTooManyRequests = block.optional("retry_on_http_429", .bool, default: true)
    let age = block.optional("sample_age_limit", .duration, default: .zero)
    if age < .zero { block.error("sample_age_limit must not be negative", at: "sample_age_limit") }
    sender.sampleAgeLimit = age > .zero ? age : nil
  }

  private mutating func decodeMetadata(_ block: BlockDecoder) {
    let send = block.optional("send", .bool, default: true)
    var options = MetadataSender.Options()
    options.sendInterval = block.optional("send_interval", .duration, default: .seconds(60))
    options.maxSamplesPerSend = block.optional("max_samples_per_send", .int, default: 2000)
    if options.sendInterval <= .zero { block.error("send_interval must be greater than 0", at: "send_interval") }
    if options.maxSamplesPerSend < 1 {
      block.error("max_samples_per_send must be greater than 0", at: "max_samples_per_send")
    }
    metadata = send ? options : nil
  }

  private func refuseWhatIsMissing(_ block: BlockDecoder) {
    if block.optional("send_native_histograms", .bool, default: false) {
      block.error("send_native_histograms is not supported by this agent", at: "send_native_histograms")
    }
    let message = block.optional("protobuf_message", .string, default: "prometheus.WriteRequest")
    if message != "prometheus.WriteRequest" {
      block.error(
        "protobuf_message \"\(message)\" is not supported by this agent", at: "protobuf_message",
        hint: "leave it out: every receiver takes remote write 1.0")
    }
    if block.optional("round_robin_dns", .bool, default: false) {
      block.error("round_robin_dns is not supported by this agent", at: "round_robin_dns", hint: "leave it out")
    }
    for name in ["sigv4", "azuread", "google_iam"] {
      ClientOptions.refuse(name, in: block, hint: "use basic_auth, authorization or bearer_token_file")
    }
  }
}
