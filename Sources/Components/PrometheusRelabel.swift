// SPDX-License-Identifier: Apache-2.0

internal import Relabel
internal import Runtime
internal import Synchronization
internal import Syntax
internal import Telemetry

/// `prometheus.relabel`: changes or drops series on their way, by rules on their labels.
final class PrometheusRelabel: Component {
  private let rules: [RelabelRule]
  private let stage: RelabelStage
  private let context: ComponentContext

  static let kind = ComponentKind("prometheus.relabel") { block, context in
    let receivers = block.required("forward_to", .metricsReceivers)
    let rules = RelabelRule.decode("rule", of: block)
    let cacheSize = block.optional("max_cache_size", .int, default: 100_000)
    let cacheTTL = block.optional("cache_ttl", .duration)
    if cacheTTL != nil, block.has("max_cache_size"), cacheSize != 0 {
      block.error("cache_ttl needs max_cache_size = 0", at: "cache_ttl", hint: "use one of the two")
    }
    if let cacheTTL, cacheTTL < .seconds(60) {
      block.error("cache_ttl must be at least 1m", at: "cache_ttl")
    }
    if cacheTTL == nil, cacheSize <= 0 {
      block.error("max_cache_size must be greater than 0", at: "max_cache_size")
    }
    return PrometheusRelabel(
      rules: rules, receivers: receivers, cacheSize: cacheTTL == nil ? cacheSize : 100_000, context: context)
  }

  private init(rules: [RelabelRule], receivers: [MetricsInlet], cacheSize: Int, context: ComponentContext) {
    self.rules = rules
    self.context = context
    stage = RelabelStage(rules: rules, next: Fanout(receivers), cacheSize: cacheSize)
  }

  var exports: [String: Value] {
    [
      "receiver": context.receiverExport,
      "rules": .capsule(Capsule(kind: relabelRulesKind, object: RelabelRules(rules))),
    ]
  }

  func run() async throws {
    context.metricsInlet.open(stage)
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
private final class RelabelStage: MetricsReceiver {
  private struct State {
    var cache: RelabelCache
    var processed = 0
    var written = 0
  }

  private let state: Mutex<State>
  private let next: Fanout

  init(rules: [RelabelRule], next: Fanout, cacheSize: Int) {
    state = Mutex(State(cache: RelabelCache(rules: rules, capacity: cacheSize)))
    self.next = next
  }

  func receive(_ batch: SeriesBatch) async throws {
    let relabelled = state.withLock { state in
      let result = state.cache.relabel(batch)
      state.processed += batch.count
      state.written += result.count
      return result
    }
    try await next.receive(relabelled)
  }

  func writeMetrics(to batch: inout SeriesBatch) {
    let (processed, written, hits, misses, size) = state.withLock {
      ($0.processed, $0.written, $0.cache.hits, $0.cache.misses, $0.cache.count)
    }
    batch.family("prometheus_relabel_metrics_processed", .counter, help: "Samples that came in.")
    batch.append(Double(processed))
    batch.family("prometheus_relabel_metrics_written", .counter, help: "Samples that were handed on.")
    batch.append(Double(written))
    batch.family("prometheus_relabel_cache_hits", .counter, help: "Samples whose new labels were known.")
    batch.append(Double(hits))
    batch.family("prometheus_relabel_cache_misses", .counter, help: "Samples whose labels went through the rules.")
    batch.append(Double(misses))
    batch.family("prometheus_relabel_cache_size", .gauge, help: "Series whose new labels are known.")
    batch.append(Double(size))
  }
}
