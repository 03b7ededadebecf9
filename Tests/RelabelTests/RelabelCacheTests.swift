// SPDX-License-Identifier: Apache-2.0

import Relabel
import Telemetry
import Testing

@Suite struct RelabelCacheTests {
  private func batch(_ series: [String: String]...) -> SeriesBatch {
    var batch = SeriesBatch()
    for labels in series {
      batch.append(packedLabels: LabelSet(labels).packed.span, bits: 1, timestampMilliseconds: 5)
    }
    return batch
  }

  private func texts(_ batch: SeriesBatch) -> [String] { batch.rows.indices.map { batch.labels(at: $0).description } }

  @Test func `external labels fill gaps, keep the order and never override`() {
    var cache = RelabelCache(rules: [], externalLabels: LabelSet(["cluster": "home", "A": "1", "zone": "z"]))
    let result = cache.relabel(batch(["__name__": "up", "cluster": "own", "job": "j"], ["__name__": "down"]))
    #expect(texts(result) == [#"up{A="1",cluster="own",job="j",zone="z"}"#, #"down{A="1",cluster="home",zone="z"}"#])
  }

  @Test func `rules see the external labels, and what is dropped stays dropped`() throws {
    let rule = try RelabelRule(sourceLabels: ["cluster", "__name__"], regex: "home;down", action: .drop)
    var cache = RelabelCache(rules: [rule], externalLabels: LabelSet(["cluster": "home"]))
    for _ in 0..<2 {
      let result = cache.relabel(batch(["__name__": "down"], ["__name__": "up"]))
      #expect(texts(result) == [#"up{cluster="home"}"#])
    }
    #expect(cache.misses == 2 && cache.hits == 2)
  }

  @Test func `internal labels do not leave the agent`() {
    var cache = RelabelCache(rules: [])
    let result = cache.relabel(batch(["__name__": "up", "__tmp": "x", "_ok": "y"]))
    #expect(texts(result) == [#"up{_ok="y"}"#])
  }

  @Test func `families and exemplars follow their rows`() throws {
    var input = SeriesBatch()
    input.family(MetricFamily(name: "a", type: .counter, help: "First."))
    input.append(1)
    input.family(MetricFamily(name: "b", type: .counter, help: "Second."))
    input.append(2)
    input.exemplars = [.init(row: 1, labels: LabelSet(["id": "7"]), value: 2, timestampMilliseconds: nil)]
    var cache = RelabelCache(rules: [try RelabelRule(sourceLabels: ["__name__"], regex: "a", action: .drop)])
    let result = cache.relabel(input)
    #expect(texts(result) == ["b{}"])
    #expect(result.families.map(\.rows) == [0..<0, 0..<1])
    #expect(result.exemplars.map(\.row) == [0])
  }

  @Test func `no more series are remembered than allowed, nor long ones nobody sends`() {
    var cache = RelabelCache(rules: [], capacity: 10)
    for number in 0..<100 { _ = cache.relabel(batch(["__name__": "s\(number)"])) }
    #expect(cache.count <= 10)
    var churned = RelabelCache(rules: [])
    for number in 0..<50 { _ = churned.relabel(batch(["__name__": "s\(number)"])) }
    for _ in 0..<600 { _ = churned.relabel(batch(["__name__": "s1"])) }
    #expect(churned.count == 1)
  }

  @Test func `a cache that is just full remembers all it holds`() {
    var cache = RelabelCache(rules: [], capacity: 2)
    for _ in 0..<5 { _ = cache.relabel(batch(["__name__": "a"], ["__name__": "b"])) }
    #expect(cache.misses == 2 && cache.hits == 8)
  }
}
