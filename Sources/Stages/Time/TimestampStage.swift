// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `stage.timestamp`: the time of an entry is what the entry says.
public final class TimestampStage: Stage {
  private struct Last {
    /// As it was written.
    var parsed: Int64
    /// As it was given to the entry.
    var given: Int64
  }

  private let source: [UInt8]
  private let formats: [TimestampFormat]
  private let fudgesFailures: Bool
  private let fudgesDuplicates: Bool
  private var last = RecentLabels<Last>()
  private var key: [UInt8] = []

  /// - Parameters:
  ///   - formats: the first that fits counts.
  ///   - fudgesFailures: whether an entry whose time cannot be read comes a nanosecond after the last one with its labels.
  ///   - fudgesDuplicates: whether one that says the same time as the last one does.
  public init(source: String, formats: [TimestampFormat], fudgesFailures: Bool, fudgesDuplicates: Bool) {
    self.source = Array(source.utf8)
    self.formats = formats
    self.fudgesFailures = fudgesFailures
    self.fudgesDuplicates = fudgesDuplicates
  }

  /// Sets the time.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    let parsed = parse(&entry, now: moment.wall)
    if let parsed { entry.timestampNanoseconds = parsed }
    guard parsed == nil ? fudgesFailures : fudgesFailures || fudgesDuplicates else { return .pass }
    key.removeAll(keepingCapacity: true)
    entry.packLabels(into: &key)
    let last = last[key]
    if let last, parsed == nil || (fudgesDuplicates && parsed == last.parsed) {
      entry.timestampNanoseconds = last.given &+ 1
    }
    // What could not be read is remembered only where there is something to go on from.
    guard let told = parsed ?? last?.parsed else { return .pass }
    self.last[key] = Last(parsed: told, given: entry.timestampNanoseconds)
    return .pass
  }

  private func parse(_ entry: inout LogEntry, now: Int64) -> Int64? {
    guard let range = entry.extractedText(source) else { return nil }
    for format in formats {
      if let parsed = format.parse(entry.bytes.span.extracting(range), now: now) { return parsed }
    }
    return nil
  }
}
