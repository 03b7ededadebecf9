// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// Changes the labels of log batches, and remembers what became of each label set.
///
/// Labels beginning with `__` stay: they are removed where entries leave the agent.
public struct LogRelabeller: Sendable {
  private let capacity: Int
  private var relabeller: Relabeller
  private var index = LabelIndex()
  private var outcomes: [LabelSet?] = []  // nil: dropped

  /// Entries that came in.
  public private(set) var processed = 0
  /// Entries that were not dropped.
  public private(set) var written = 0
  /// How many label sets were known.
  public private(set) var hits = 0
  /// How many went through the rules.
  public private(set) var misses = 0

  /// Applies `rules`; remembers `capacity` label sets at most.
  public init(rules: [RelabelRule], capacity: Int) {
    relabeller = Relabeller(rules)
    self.capacity = capacity
  }

  /// How many label sets are remembered.
  public var count: Int { index.count }

  /// Replaces the label sets of `batch`, and takes out the entries whose labels were dropped.
  public mutating func relabel(_ batch: inout LogBatch) {
    if index.count > capacity { forget() }
    index.rewind()
    processed += batch.entries.count
    var isDropped = [Bool](repeating: false, count: batch.labelSets.count)
    for set in batch.labelSets.indices {
      if let outcome = outcome(of: batch.labelSets[set]) {
        batch.labelSets[set] = outcome
      } else {
        isDropped[set] = true
      }
    }
    if isDropped.contains(true) { batch.entries.removeAll { isDropped[Int($0.labels)] } }
    written += batch.entries.count
  }

  private mutating func outcome(of labels: LabelSet) -> LabelSet? {
    let (number, isNew) = index.find(labels.packed.span)
    guard isNew else {
      hits += 1
      return outcomes[number]
    }
    misses += 1
    var changed: [UInt8] = []
    outcomes.append(relabeller.apply(to: labels.packed.span, into: &changed) ? LabelSet(packed: changed) : nil)
    return outcomes[number]
  }

  private mutating func forget() {
    index.removeAll()
    outcomes = []
  }
}
