// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// `stage.limit`: lets so many entries through in a second; the others wait, or are dropped.
public final class LimitStage: Stage {
  /// What becomes of an entry for which there is no room.
  public enum Excess: Sendable {
    /// It waits, and all after it.
    case wait
    /// It is dropped.
    case drop
    /// It is dropped; each value of a label has a rate of its own, and entries without it pass. Beyond so many values
    /// all are forgotten, and begin with a full burst again.
    case dropByLabel(String, maxValues: Int)
  }

  /// How its drops are counted.
  public let dropReason = "ratelimit_drop_stage"
  /// The label whose values are limited one by one.
  public let labelName: String?
  private let rate: Double
  private let burst: Int
  private let excess: Excess
  private let label: [UInt8]
  private let maxValues: Int
  private var bucket: TokenBucket
  private var values = LabelIndex()
  private var buckets: [TokenBucket] = []
  private var drops: [Int] = []

  /// Lets `rate` entries a second through, and `burst` at once.
  public init(rate: Double, burst: Int, excess: Excess) {
    self.rate = rate
    self.burst = burst
    self.excess = excess
    // The one who waits has passed already and pays afterwards: with one token less, the next comes when it may.
    let waits = if case .wait = excess { true } else { false }
    bucket = TokenBucket(rate: rate, burst: Double(waits ? burst - 1 : burst))
    if case .dropByLabel(let name, let maxValues) = excess {
      (labelName, label, self.maxValues) = (name, Array(name.utf8), maxValues)
    } else {
      (labelName, label, maxValues) = (nil, [], 0)
    }
  }

  /// Lets the entry pass, drops it, or makes those after it wait.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    switch excess {
    case .dropByLabel: return limitByLabel(entry, at: moment.monotonic)
    case .drop:
      return bucket.take(1, now: moment.monotonic) ? .pass : .drop
    case .wait:
      let debt = bucket.borrow(1, now: moment.monotonic)
      return debt > 0 ? .passThenWait(until: moment.monotonic + debt) : .pass
    }
  }

  private func limitByLabel(_ entry: LogEntry, at monotonic: Int64) -> StageOutcome {
    guard let value = entry.label(label) else { return .pass }
    if values.count >= maxValues { forgetValues() }
    let (number, isNew) = values.find(entry.bytes.span.extracting(value))
    if isNew {
      buckets.append(TokenBucket(rate: rate, burst: Double(burst)))
      drops.append(0)
    }
    guard !buckets[number].take(1, now: monotonic) else { return .pass }
    drops[number] += 1
    return .drop
  }

  private func forgetValues() {
    values.removeAll()
    buckets.removeAll()
    drops.removeAll()
  }

  /// How many entries were dropped for each value of the label.
  public var dropsByValue: [(value: String, count: Int)] {
    drops.indices.filter { drops[$0] > 0 }.map {
      (String(decoding: values.bytes[values.range(of: $0)], as: UTF8.self), drops[$0])
    }
  }
}
