// SPDX-License-Identifier: Apache-2.0

/// Which collectors run, and what should be said about how they were chosen.
public struct CollectorChoice: Equatable, Sendable {
  /// Something about the names that were written.
  public enum Finding: Equatable, Sendable {
    /// `written` is not a collector's name, and was taken for `meant`.
    case alias(written: String, meant: String)
    /// No collector is called so; these come close.
    case unknown(written: String, suggestions: [String])
    /// node_exporter or Alloy has this collector and we do not yet.
    case notYet(String)
    /// Alloy has this collector, on other systems than Linux.
    case otherSystem(String)
    /// The set has no `uname`, without which common dashboards stay empty.
    case missingUname
  }

  /// The names of those that run, in the order of `Collectors.all`.
  public var enabled: [String] = []
  /// What should be said, in the order the names were written.
  public var findings: [Finding] = []
}

/// Chooses collectors as Alloy does: exactly `set` where there is one, else the defaults; then `disable` is taken away,
/// then `enable` added, so that a name in both runs.
public func resolveCollectors(
  set: [String] = [], enable: [String] = [], disable: [String] = []
) -> CollectorChoice {
  var choice = CollectorChoice()
  var on = Set(
    set.isEmpty ? Collectors.all.filter(\.onByDefault).map(\.name) : set.compactMap { choice.understand($0) })
  on.subtract(disable.compactMap { choice.understand($0, wanted: false) })
  on.formUnion(enable.compactMap { choice.understand($0) })
  choice.enabled = Collectors.all.map(\.name).filter(on.contains)
  if !set.isEmpty, !on.contains(UnameCollector.name) { choice.findings.append(.missingUname) }
  return choice
}

extension CollectorChoice {
  /// The collector of ours that `written` means, with a finding for whatever is to be said about it.
  fileprivate mutating func understand(_ written: String, wanted: Bool = true) -> String? {
    var name = written
    if !isKnown(name), let meant = Collectors.aliases[name] {
      add(.alias(written: written, meant: meant))
      name = meant
    }
    if isOurs(name) { return name }
    if Collectors.notYet.contains(name) {
      if wanted { add(.notYet(name)) }
    } else if Collectors.otherSystems.contains(name) {
      if wanted { add(.otherSystem(name)) }
    } else {
      add(.unknown(written: written, suggestions: suggestions(for: written)))
    }
    return nil
  }

  private mutating func add(_ finding: Finding) {
    if !findings.contains(finding) { findings.append(finding) }
  }
}

private func isOurs(_ name: String) -> Bool { Collectors.all.contains { $0.name == name } }

private func isKnown(_ name: String) -> Bool {
  isOurs(name) || Collectors.notYet.contains(name) || Collectors.otherSystems.contains(name)
}

/// Collectors of ours whose name is at most two edits away, nearest first.
private func suggestions(for written: String) -> [String] {
  guard written.utf8.count <= 40 else { return [] }
  let ranked = Collectors.all.map { ($0.name, editDistance(Array(written.utf8), Array($0.name.utf8))) }
  return ranked.filter { $0.1 <= 2 && $0.1 < $0.0.utf8.count }.sorted { $0.1 < $1.1 }.map(\.0)
}

private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var previous = Array(0...right.count)
  for (row, leftByte) in left.enumerated() {
    var current = [row + 1]
    for (column, rightByte) in right.enumerated() {
      let replaced = previous[column] + (leftByte == rightByte ? 0 : 1)
      current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
    }
    previous = current
  }
  return previous[right.count]
}
