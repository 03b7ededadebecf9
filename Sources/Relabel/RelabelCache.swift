// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// Changes the labels of whole batches, and remembers what became of each series.
///
/// Rules are pure, so a series is put through them once; from then on its new labels are copied from here.
public struct RelabelCache: Sendable {
  /// What became of a series; nil when it was dropped.
  private typealias Outcome = Range<Int>?

  /// Batches between two looks at what is still in use.
  private static let sweepInterval = 256

  private let externalLabels: LabelSet
  private var relabeller: Relabeller
  private let capacity: Int
  private var index = LabelIndex()
  private var outcomes: [Outcome] = []
  private var used: [Bool] = []
  private var usedCount = 0
  private var results: [UInt8] = []
  private var batchesUntilSweep = Self.sweepInterval

  /// How many samples had known labels.
  public private(set) var hits = 0
  /// How many went through the rules.
  public private(set) var misses = 0

  /// Adds `externalLabels` where a series lacks them, then applies `rules`; remembers `capacity` series at most.
  public init(rules: [RelabelRule], externalLabels: LabelSet = .empty, capacity: Int = 100_000) {
    relabeller = Relabeller(rules)
    self.externalLabels = externalLabels
    self.capacity = max(1, capacity)
  }

  /// How many series are remembered.
  public var count: Int { index.count }

  /// Calls `body` with the new packed labels of each row that is not dropped.
  public mutating func forEach(_ batch: SeriesBatch, _ body: (SeriesBatch.Row, Span<UInt8>, Int) -> Void) {
    sweep()
    index.rewind()
    let labels = batch.labelBytes.span
    for row in batch.rows.indices {
      let outcome = outcome(of: labels.extracting(batch.rows[row].labels))
      if let outcome { body(batch.rows[row], results.span.extracting(outcome), row) }
    }
  }

  /// The batch with new labels; families stay as they are.
  public mutating func relabel(_ batch: SeriesBatch) -> SeriesBatch {
    var result = SeriesBatch()
    var rowNumbers: [Int: Int] = [:]
    let exemplarRows = Set(batch.exemplars.map(\.row))
    var family = 0
    sweep()
    index.rewind()
    let labels = batch.labelBytes.span
    for row in batch.rows.indices {
      while family < batch.families.count, batch.families[family].rows.lowerBound <= row {
        result.family(batch.families[family], of: batch)
        family += 1
      }
      guard let outcome = outcome(of: labels.extracting(batch.rows[row].labels)) else { continue }
      if exemplarRows.contains(row) { rowNumbers[row] = result.count }
      result.append(
        packedLabels: results.span.extracting(outcome), bits: batch.rows[row].valueBits,
        timestampMilliseconds: batch.rows[row].timestampMilliseconds)
    }
    result.exemplars = batch.exemplars.compactMap { exemplar in
      guard let row = rowNumbers[exemplar.row] else { return nil }
      var exemplar = exemplar
      exemplar.row = row
      return exemplar
    }
    return result
  }

  private mutating func outcome(of labels: Span<UInt8>) -> Range<Int>? {
    var (number, isNew) = index.find(labels)
    if isNew, number >= capacity {
      forget()
      (number, isNew) = index.find(labels)
    }
    if isNew {
      misses += 1
      outcomes.append(transform(labels))
      used.append(true)
      usedCount += 1
    } else {
      hits += 1
      if !used[number] {
        used[number] = true
        usedCount += 1
      }
    }
    return outcomes[number]
  }

  /// What the rules make of a series seen for the first time.
  private mutating func transform(_ labels: Span<UInt8>) -> Range<Int>? {
    let complete = mergedLabels(labels, externalLabels.packed.span)
    var changed: [UInt8] = []
    if relabeller.isEmpty {
      changed = complete
    } else if !relabeller.apply(to: complete.span, into: &changed) {
      return nil
    }
    let start = results.count
    appendWithoutInternalLabels(changed.span, keepingMetricName: true, to: &results)
    return results.count == start ? nil : start..<results.count
  }

  private mutating func sweep() {
    batchesUntilSweep -= 1
    guard batchesUntilSweep <= 0 else { return }
    batchesUntilSweep = Self.sweepInterval
    if usedCount * 2 < index.count { return forget() }
    usedCount = 0
    for number in used.indices { used[number] = false }
  }

  private mutating func forget() {
    index.removeAll()
    outcomes = []
    used = []
    usedCount = 0
    results = []
  }
}
