// SPDX-License-Identifier: Apache-2.0

public import Relabel
public import Telemetry

/// What is read from a journal, and what is made of it.
public struct JournalOptions: Sendable {
  /// Which journal.
  public var place: JournalPlace
  /// Which of its entries.
  public var matches: JournalMatches
  /// How far back a reader begins that no destination knows, in nanoseconds; 0 for the whole journal.
  public var maxAgeNanoseconds: Int64
  /// Whether a line is all fields as JSON instead of the message.
  public var formatAsJSON: Bool
  /// Labels of every entry.
  public var labels: LabelSet
  /// What the labels, with the fields as `__journal_…`, go through.
  public var rules: [RelabelRule]
  /// Finds the cursor of another program after which to begin when no destination knows; called on the reader's thread.
  public var takenOverCursor: @Sendable () -> String?
  /// The id of the boot this host is in; nil where the journal is not this host's.
  public var bootID: String?
  /// About how many bytes of entries are handed on at once.
  public var batchBytes = 1 << 20

  /// What is read from `place`, everything by default.
  public init(
    place: JournalPlace, matches: JournalMatches = .all, maxAgeNanoseconds: Int64 = 0, formatAsJSON: Bool = false,
    labels: LabelSet = .empty, rules: [RelabelRule] = [], takenOverCursor: @Sendable @escaping () -> String? = { nil },
    bootID: String? = nil
  ) {
    self.place = place
    self.matches = matches
    self.maxAgeNanoseconds = maxAgeNanoseconds
    self.formatAsJSON = formatAsJSON
    self.labels = labels
    self.rules = rules
    self.takenOverCursor = takenOverCursor
    self.bootID = bootID
  }
}
