// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux

/// Which files of a journal this process may read. libsystemd says nothing about those it may not.
public struct JournalAccess: Sendable, Equatable {
  /// Files that can be read.
  public private(set) var readable = 0
  /// Files and directories that may not be read, one of them.
  public private(set) var refused: Refusal?
  /// How many those are.
  public private(set) var refusals = 0

  /// Something that may not be read.
  public struct Refusal: Sendable, Equatable {
    /// Where it is.
    public var path: String
    /// The group that owns it.
    public var group: String
  }

  private static let mostFiles = 10_000

  /// Looks at the files of `place`.
  public init(_ place: JournalPlace) {
    for root in place.roots {
      guard let names = list(root) else { continue }
      for name in names { look(at: name, in: root, of: place) }
    }
  }

  private mutating func look(at name: String, in root: String, of place: JournalPlace) {
    let path = "\(root)/\(name)"
    if Self.isJournal(name) { return open(path) }
    guard JournalCursor.Identifier(String(name.prefix { $0 != "." })) != nil, isWanted(name, place) else { return }
    for file in list(path) ?? [] where Self.isJournal(file) { open("\(path)/\(file)") }
  }

  /// The directories below the root are called by machine, those of namespaces `<machine>.<namespace>`.
  private func isWanted(_ name: String, _ place: JournalPlace) -> Bool {
    switch place {
    case .local: !name.contains(".")
    case .namespace(let namespace): name.hasSuffix(".\(namespace)")
    case .directory: true
    }
  }

  private static func isJournal(_ name: String) -> Bool { name.hasSuffix(".journal") || name.hasSuffix(".journal~") }

  /// Nil when there is no such directory, or it may not be read.
  private mutating func list(_ path: String) -> [String]? {
    do throws(SystemError) { return try listDirectory(path) } catch {
      note(error, path)
      return nil
    }
  }

  private mutating func open(_ path: String) {
    guard readable + refusals < Self.mostFiles else { return }
    do throws(SystemError) {
      _ = try FileDescriptor(opening: path)
      readable += 1
    } catch { note(error, path) }
  }

  private mutating func note(_ error: SystemError, _ path: String) {
    guard error.errno == EACCES || error.errno == EPERM else { return }
    refusals += 1
    if refused == nil { refused = Refusal(path: path, group: Self.group(of: path)) }
  }

  /// What owns the journal is mostly `systemd-journal`, also where a directory above belongs to root.
  private static func group(of path: String) -> String {
    guard let owner = owningGroupName(path), owner != "root" else { return "systemd-journal" }
    return owner
  }

  /// Why nothing can be read; nil when something can.
  public var problem: String? {
    if readable > 0 { return nil }
    guard let refused else { return "there is no journal here yet" }
    return "user \(currentUserName()) may not read \(refused.path)"
  }

  /// What is readable only in part; nil when all is.
  public var partialProblem: String? {
    guard readable > 0, let refused else { return nil }
    let files = refusals == 1 ? refused.path : "\(refused.path) and \(refusals - 1) more"
    return "user \(currentUserName()) may not read \(files); entries there are passed over"
  }

  /// What to do about it; empty when nothing is refused.
  public var remedy: String {
    guard let refused else { return "" }
    return "let it join group \(refused.group): SupplementaryGroups=\(refused.group) in the agent's unit, or "
      + "usermod -aG \(refused.group) \(currentUserName()); then start the agent again"
  }
}
