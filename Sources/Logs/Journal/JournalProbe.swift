// SPDX-License-Identifier: Apache-2.0

public import Linux

/// What can be read of a journal, found out once.
public struct JournalProbe: Sendable {
  private static let mostEntries = 100_000

  /// Which of its files may be read.
  public let access: JournalAccess
  /// How many entries a first start would read, as far as they were counted.
  public private(set) var entries = 0
  /// Whether all were counted.
  public private(set) var isComplete = true

  /// Opens and reads what `options` say, counting until `limit` in `monotonicNanoseconds`. Blocks.
  public init(_ options: JournalOptions, until limit: Int64) throws(SystemError) {
    access = JournalAccess(options.place)
    guard access.problem == nil else { return }
    let handle = try JournalHandle(options.place, matches: options.matches)
    try handle.seek(options.beginning().map { .realtime($0) } ?? .head)
    while try handle.next() {
      entries += 1
      isComplete = entries < Self.mostEntries && monotonicNanoseconds() < limit
      guard isComplete else { return }
    }
  }
}

extension JournalOptions {
  /// Where to begin when nobody knows, in microseconds since 1970; nil for the first entry.
  func beginning() -> UInt64? {
    maxAgeNanoseconds == 0 ? nil : UInt64(max(0, wallClockNanoseconds() - maxAgeNanoseconds) / 1000)
  }
}
