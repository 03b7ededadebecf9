// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import HTTP
internal import Linux
internal import Queue
internal import Relabel
internal import Synchronization
internal import Telemetry
internal import Wire

/// One hub: what turns batches into requests, the queue that keeps them, and the sender that empties it.
final class RemoteWriteDestination: Destination {
  let name: String
  let url: String
  let delivery: QueuedDelivery
  private let metadata: MetadataSender?
  private let encoder: Mutex<BatchEncoder>

  init(
    _ endpoint: RemoteWriteEndpoint, externalLabels: LabelSet, services: Services, directory: String, log: Log,
    health: EndpointHealth
  ) throws {
    name = endpoint.common.displayName
    url = endpoint.common.address.withoutUserInfo
    let target = endpoint.endpoint(version: services.version)
    delivery = try QueuedDelivery(
      target, client: endpoint.common.client, sender: endpoint.sender, services: services, queue: directory,
      overflow: .dropOldest, log: log,
      onVerdict: { [name, url] problem in health.note(problem.map { "\(url) \($0)" }, of: name) })
    metadata = endpoint.metadata.map { [delivery] in
      MetadataSender(endpoint: target, client: delivery.client, sender: delivery.sender, options: $0)
    }
    encoder = Mutex(
      BatchEncoder(
        cache: RelabelCache(rules: endpoint.rules, externalLabels: externalLabels),
        maxSamples: endpoint.sender.maxSamplesPerSend, sendExemplars: endpoint.sendExemplars))
  }

  /// Encodes `batch` and returns once it is durable in the queue.
  func enqueue(_ batch: SeriesBatch) async throws {
    metadata?.note(batch)
    let blocks = encoder.withLock { $0.encode(batch) }
    if !blocks.isEmpty { try await delivery.queue.append(blocks) }
  }

  /// Delivers until cancelled.
  func run() async { await delivery.run { [metadata] in await metadata?.run() } }

  func close() async { await delivery.close() }
}

/// Turns batches into blocks of a queue: labels as the endpoint wants them, protobuf, snappy.
private struct BatchEncoder {
  /// What a block of remote write 1.0 is to the queue.
  static let blockKind: UInt8 = 1

  private var cache: RelabelCache
  private var encoder = RemoteWriteEncoder()
  private let maxSamples: Int
  private let sendExemplars: Bool

  /// Requests are closed at this size; a hub takes 32 MiB, a proxy in front of it often 1 MiB of body.
  private static let maxBytes = 2 << 20

  init(cache: RelabelCache, maxSamples: Int, sendExemplars: Bool) {
    self.cache = cache
    self.maxSamples = max(1, maxSamples)
    self.sendExemplars = sendExemplars
  }

  mutating func encode(_ batch: SeriesBatch) -> [Block] {
    var blocks: [Block] = []
    var times = TimeRange()
    var exemplars: [Int: [SeriesBatch.Exemplar]] = [:]
    if sendExemplars, !batch.exemplars.isEmpty { exemplars = Dictionary(grouping: batch.exemplars, by: \.row) }
    var encoder = RemoteWriteEncoder()
    swap(&encoder, &self.encoder)  // not a copy: its buffer is to be used again
    encoder.begin()
    cache.forEach(batch) { [maxSamples] row, labels, index in
      guard let time = row.timestampMilliseconds else { return }
      if encoder.sampleCount >= maxSamples || encoder.byteCount >= Self.maxBytes {
        blocks.append(Self.finish(&encoder, &times))
      }
      times.add(time)
      encoder.add(
        packedLabels: labels, valueBits: row.valueBits, timestampMilliseconds: time,
        exemplars: exemplars.isEmpty ? [] : exemplars[index] ?? [])
    }
    if encoder.sampleCount > 0 { blocks.append(Self.finish(&encoder, &times)) }
    swap(&encoder, &self.encoder)
    return blocks
  }

  private static func finish(_ encoder: inout RemoteWriteEncoder, _ times: inout TimeRange) -> Block {
    var payload: [UInt8] = []
    encoder.finish(snappy: &payload)
    let block = Block(
      kind: blockKind, items: encoder.sampleCount, minTimestampMilliseconds: times.least,
      maxTimestampMilliseconds: times.most, payload: payload)
    encoder.begin()
    times = TimeRange()
    return block
  }
}
