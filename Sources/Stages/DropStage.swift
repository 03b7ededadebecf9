// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import RE2

/// `stage.drop`: drops entries that meet all conditions.
public final class DropStage: Stage {
  /// The conditions; those that are nil are not asked for.
  public struct Conditions: Sendable {
    /// What has to have been extracted, or is compared.
    public var sources: [String] = []
    /// What stands between the values of several sources when they are compared.
    public var separator = ";"
    /// What the sources' values, or without sources the line, have to match.
    public var pattern: Pattern?
    /// What the sources' values have to be.
    public var value: String?
    /// Age in nanoseconds.
    public var olderThan: Int64?
    /// Length of the line in bytes.
    public var longerThan: Int?

    /// No conditions.
    public init() {}
  }

  /// What its drops are counted as.
  public let dropReason: String
  private let conditions: Conditions
  private let sources: [[UInt8]]
  private let separator: [UInt8]
  private let value: [UInt8]?
  private var joined: [UInt8] = []

  /// Drops what meets `conditions`.
  public init(_ conditions: Conditions, reason: String) {
    self.conditions = conditions
    dropReason = reason
    sources = conditions.sources.map { Array($0.utf8) }
    separator = Array(conditions.separator.utf8)
    value = conditions.value.map { Array($0.utf8) }
  }

  /// Drops the entry, or lets it pass.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    if let longerThan = conditions.longerThan, entry.line.count <= longerThan { return .pass }
    if let olderThan = conditions.olderThan, entry.timestampNanoseconds >= moment.wall - olderThan { return .pass }
    return meetsText(&entry) ? .drop : .pass
  }

  private func meetsText(_ entry: inout LogEntry) -> Bool {
    if sources.isEmpty { return conditions.pattern?.matches(entry.bytes.span.extracting(entry.line)) ?? true }
    guard conditions.pattern != nil || value != nil else {
      return sources.allSatisfy { entry.extracted($0.span) != nil }
    }
    guard join(&entry) else { return false }
    let text = joined
    if let value { return equal(value.span, text.span) }
    return conditions.pattern?.matches(text.span) ?? true
  }

  /// Writes the sources' values into `joined`, leaving out those that are missing; false when one has no text.
  private func join(_ entry: inout LogEntry) -> Bool {
    joined.removeAll(keepingCapacity: true)
    var isFirst = true
    for source in sources {
      guard let found = entry.extracted(source.span) else { continue }
      guard let text = entry.text(of: found) else { return false }
      if !isFirst { joined.append(contentsOf: separator) }
      isFirst = false
      unsafe entry.bytes.span.extracting(text).withUnsafeBufferPointer { unsafe joined.append(contentsOf: $0) }
    }
    return true
  }
}
