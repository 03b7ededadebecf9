// SPDX-License-Identifier: Apache-2.0

internal import Relabel
internal import Runtime
internal import Synchronization
internal import Syntax
internal import Telemetry

/// `loki.relabel`: changes or drops entries on their way, by rules on their labels; its rules serve sources, too.
final class LokiRelabel: Component {
  private let rules: [RelabelRule]
  private let stage: LogRelabelStage
  private let context: ComponentContext

  static let kind = ComponentKind("loki.relabel") { block, context in
    let receivers = block.required("forward_to", .logsReceivers)
    let rules = RelabelRule.decode("rule", of: block)
    let cacheSize = block.optional("max_cache_size", .int, default: 10_000)
    if cacheSize < 0 { block.error("max_cache_size must not be negative", at: "max_cache_size") }
    return LokiRelabel(rules: rules, receivers: receivers, cacheSize: cacheSize, context: context)
  }

  private init(rules: [RelabelRule], receivers: [LogsInlet], cacheSize: Int, context: ComponentContext) {
    self.rules = rules
    self.context = context
    stage = LogRelabelStage(
      LogRelabeller(rules: rules, capacity: cacheSize), id: context.id, next: LogsFanout(receivers))
  }

  var exports: [String: Value] {
    [
      "receiver": context.logsReceiverExport,
      "rules": .capsule(Capsule(kind: relabelRulesKind, object: RelabelRules(rules))),
    ]
  }

  func run() async throws {
    context.logsInlet.open(stage)
    context.reportHealthy()
    await untilCancelled()
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    stage.writeMetrics(to: &batch)
    return batch
  }
}

/// Relabels batches and hands them on.
private final class LogRelabelStage: LogsReceiver {
  private let relabeller: Mutex<LogRelabeller>
  private let id: String
  private let next: LogsFanout

  init(_ relabeller: LogRelabeller, id: String, next: LogsFanout) {
    self.relabeller = Mutex(relabeller)
    self.id = id
    self.next = next
  }

  func receive(_ batch: LogBatch) async throws {
    var batch = batch
    relabeller.withLock { $0.relabel(&batch) }
    batch.route.append(id)
    // Also without entries: what was dropped is accounted for.
    try await next.receive(batch)
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    try await next.positions(of: origin, route: route + [id], session: session)
  }

  func writeMetrics(to batch: inout SeriesBatch) {
    let (processed, written, hits, misses, size) = relabeller.withLock {
      ($0.processed, $0.written, $0.hits, $0.misses, $0.count)
    }
    batch.family("loki_relabel_entries_processed", .counter, help: "Entries that came in.")
    batch.append(Double(processed))
    batch.family("loki_relabel_entries_written", .counter, help: "Entries that were handed on.")
    batch.append(Double(written))
    batch.family("loki_relabel_cache_hits", .counter, help: "Label sets whose new labels were known.")
    batch.append(Double(hits))
    batch.family("loki_relabel_cache_misses", .counter, help: "Label sets that went through the rules.")
    batch.append(Double(misses))
    batch.family("loki_relabel_cache_size", .gauge, help: "Label sets whose new labels are known.")
    batch.append(Double(size))
  }
}
