// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// The streams that label sets become at one endpoint, and their order within the block being made.
///
/// Labels for internal use go, external labels are added where there is none of the name. `__tenant_id__` says whose the
/// stream is, where that is not the endpoint's own tenant.
struct EndpointStreams {
  private static let tenantLabel = Array("__tenant_id__".utf8)

  private let external: LabelSet
  private let ownTenant: [UInt8]
  private var incoming = LabelIndex()
  private var streamOfIncoming: [Int32] = []  // -1 where no label is left
  private var streams = LabelIndex()  // labels, then the tenant
  private var labelCounts: [Int] = []  // of each stream: how many bytes of it are labels
  private var order: [Int32] = []  // of each stream: its place in this block, or -1
  private var used: [Int32] = []  // the streams of this block, by place
  private var lastWarnings: [String] = []

  /// More label sets than this are forgotten together: somebody makes a label of what is never the same.
  private static let capacity = 20_000

  /// For an endpoint of `tenant`, which is empty where the hub has none.
  init(externalLabels: LabelSet, tenant: String) {
    external = externalLabels
    ownTenant = Array(tenant.utf8)
  }

  /// How many streams this block has.
  var usedCount: Int { used.count }

  /// Begins a block.
  mutating func begin() {
    if incoming.count > Self.capacity {
      (incoming, streams) = (LabelIndex(), LabelIndex())
      (streamOfIncoming, labelCounts, order, used) = ([], [], [], [])
      return
    }
    for stream in used { order[Int(stream)] = -1 }
    used.removeAll(keepingCapacity: true)
    incoming.rewind()
  }

  /// The stream of packed labels; -1 where no label is left.
  mutating func find(_ labels: Span<UInt8>) -> Int32 {
    let (number, isNew) = incoming.find(labels)
    if isNew { streamOfIncoming.append(add(labels)) }
    return streamOfIncoming[number]
  }

  private mutating func add(_ labels: Span<UInt8>) -> Int32 {
    let all = mergedLabels(labels, external.packed.span)
    var key: [UInt8] = []
    appendWithoutInternalLabels(all.span, keepingMetricName: false, to: &key)
    guard !key.isEmpty else { return -1 }
    let labelCount = key.count
    key += tenant(in: all)
    let (number, isNew) = streams.find(key.span)
    if isNew {
      order.append(-1)
      labelCounts.append(labelCount)
      warn(LabelSet(packed: Array(key[..<labelCount])))
    }
    return Int32(number)
  }

  /// Says what Loki, as it comes, will refuse the stream for; its owner may have raised the limits.
  private mutating func warn(_ labels: LabelSet) {
    let all = labels.labels
    var reason: String?
    if all.count > 15 { reason = "\(all.count) labels; 15 is Loki's max_label_names_per_series" }
    for label in all {
      if label.name.utf8.count > 1024 {
        reason = "a label name of \(label.name.utf8.count) bytes; 1024 is Loki's limit"
      }
      if label.value.utf8.count > 2048 {
        reason = "\(label.value.utf8.count) bytes in \(label.name); 2048 is Loki's max_label_value_length"
      }
    }
    guard let reason, lastWarnings.count < 10 else { return }
    lastWarnings.append("a stream has \(reason): \(labels.description.prefix(500))")
  }

  /// What is to be told about new streams, once.
  mutating func takeWarnings() -> [String] {
    defer { lastWarnings = [] }
    return lastWarnings
  }

  /// Whose the entries with these labels are, if not the endpoint's own.
  private func tenant(in labels: [UInt8]) -> ArraySlice<UInt8> {
    var offset = 0
    while let label = readLabel(labels.span, at: &offset) {
      guard labels[label.name].elementsEqual(Self.tenantLabel) else { continue }
      return labels[label.value].elementsEqual(ownTenant) ? [] : labels[label.value]
    }
    return []
  }

  /// The place of `stream` in this block; nil when it would be one more than `limit` (0 for none).
  mutating func use(_ stream: Int32, limit: Int) -> Int32? {
    let place = order[Int(stream)]
    if place >= 0 { return place }
    guard limit == 0 || used.count < limit else { return nil }
    order[Int(stream)] = Int32(used.count)
    used.append(stream)
    return order[Int(stream)]
  }

  /// The packed labels and the tenants of all streams.
  var bytes: [UInt8] { streams.bytes }

  /// Where the labels of the stream at `place` in this block stand in `bytes`.
  func labels(of place: Int32) -> Range<Int> {
    let stream = Int(used[Int(place)])
    let range = streams.range(of: stream)
    return range.lowerBound..<range.lowerBound + labelCounts[stream]
  }

  /// Where its tenant stands in `bytes`; empty for the endpoint's own.
  func tenant(of place: Int32) -> Range<Int> {
    labels(of: place).upperBound..<streams.range(of: Int(used[Int(place)])).upperBound
  }
}
