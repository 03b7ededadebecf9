// SPDX-License-Identifier: Apache-2.0

/// What a component says when it is asked how it is getting on: how much waits in its queues, and whether it moves.
public struct Vitals: Sendable, Equatable {
  /// Samples and lines that wait for a hub.
  public var pendingItems: UInt64
  /// Bytes of queues on disk.
  public var queueBytes: Int64
  /// The time of the oldest of what waits, in milliseconds since 1970.
  public var oldestTimestampMilliseconds: Int64?
  /// Since when the component's thread has been at one piece of work, in `monotonicNanoseconds`; nil while it waits for
  /// something to do, or for others.
  public var busySince: Int64?

  /// All is idle by default.
  public init(
    pendingItems: UInt64 = 0, queueBytes: Int64 = 0, oldestTimestampMilliseconds: Int64? = nil, busySince: Int64? = nil
  ) {
    self.pendingItems = pendingItems
    self.queueBytes = queueBytes
    self.oldestTimestampMilliseconds = oldestTimestampMilliseconds
    self.busySince = busySince
  }

  /// Both together.
  public static func + (left: Vitals, right: Vitals) -> Vitals {
    Vitals(
      pendingItems: left.pendingItems + right.pendingItems, queueBytes: left.queueBytes + right.queueBytes,
      oldestTimestampMilliseconds: least(left.oldestTimestampMilliseconds, right.oldestTimestampMilliseconds),
      busySince: least(left.busySince, right.busySince))
  }
}

private func least(_ left: Int64?, _ right: Int64?) -> Int64? {
  guard let left, let right else { return left ?? right }
  return min(left, right)
}

/// What all components said together.
public struct Checkup: Sendable, Equatable {
  /// Their answers added up.
  public var total = Vitals()
  /// The ids of those that did not answer in time, or have been at one piece of work for longer than that.
  public var stuck: [String] = []

  /// Nobody was asked.
  public init() {}

  /// Adds the answer of component `id`, nil for none, at `now` in `monotonicNanoseconds`.
  mutating func add(_ vitals: Vitals?, of id: String, now: Int64, limit: Duration) {
    if let vitals { total = total + vitals }
    let isBusyTooLong = vitals?.busySince.map { .nanoseconds(now - $0) > limit } ?? false
    if vitals == nil || isBusyTooLong { stuck.append(id) }
  }
}
