// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A look through the directories for files whose paths patterns stand for.
///
/// `**` does not go into directories that are links, as they may lead in circles; a name written out does.
public struct GlobWalk {
  /// The most entries of directories looked at.
  static let mostEntries = 100_000
  /// The most directories below each other.
  static let mostLevels = 64

  /// The files, each once, in the order they were found.
  public private(set) var files: [String] = []
  /// The directories a new match could appear in.
  public private(set) var directories: Set<String> = []
  /// Directories this process may not list.
  public private(set) var unreadable: [String] = []
  /// Whether there was more to look at than is reasonable.
  public private(set) var isCutShort = false

  private let excluding: Glob?
  private let writtenAfter: Int64?
  private var found: Set<String> = []
  private var entries = 0
  private var listings: [String: [DirectoryEntry]] = [:]

  /// Finds the files `glob` stands for and `excluding` does not, of those written after `writtenAfter` (nanoseconds
  /// since 1970) when that is given.
  public init(_ glob: Glob, excluding: Glob? = nil, writtenAfter: Int64? = nil) {
    self.excluding = excluding
    self.writtenAfter = writtenAfter
    for segments in glob.alternatives {
      if segments.first == .literal("") {
        walk("/", segments.dropFirst(), level: 0)
      } else {
        walk(".", segments[...], level: 0)
      }
    }
    listings = [:]
  }

  private mutating func walk(_ directory: String, _ segments: ArraySlice<Glob.Segment>, level: Int) {
    guard let first = segments.first, level < Self.mostLevels else { return }
    let rest = segments.dropFirst()
    switch first {
    case .literal(let name):
      let path = Self.join(directory, name)
      guard rest.isEmpty else { return walk(path, rest, level: level + 1) }
      directories.insert(directory)
      take(path, .unknown)
    case .pattern:
      for entry in list(directory) where Glob.matches(Array(entry.name.unicodeScalars), first) {
        let path = Self.join(directory, entry.name)
        if rest.isEmpty {
          take(path, entry.kind)
        } else if Self.mayBeDirectory(entry.kind) {
          walk(path, rest, level: level + 1)
        }
      }
    case .directories:
      if rest.isEmpty {
        for entry in list(directory) { take(Self.join(directory, entry.name), entry.kind) }
      } else {
        walk(directory, rest, level: level + 1)
      }
      for entry in list(directory) where isDirectory(entry, in: directory) {
        walk(Self.join(directory, entry.name), segments, level: level + 1)
      }
    }
  }

  private mutating func list(_ directory: String) -> [DirectoryEntry] {
    if let known = listings[directory] { return known }
    directories.insert(directory)
    guard entries < Self.mostEntries else {
      isCutShort = true
      return []
    }
    var listed: [DirectoryEntry] = []
    do throws(SystemError) {
      listed = try directoryEntries(directory, limit: Self.mostEntries - entries)
    } catch {
      if error.saysNotAllowed { unreadable.append(directory) }
    }
    entries += listed.count
    listed.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    listings[directory] = listed
    return listed
  }

  private mutating func take(_ path: String, _ kind: DirectoryEntry.Kind) {
    guard kind != .directory, kind != .other, !found.contains(path), excluding?.matches(path) != true else { return }
    if kind != .regular || writtenAfter != nil {
      do throws(SystemError) {
        let status = try FileStatus(path)
        guard status.kind == .regular, writtenAfter.map({ status.modifiedNanoseconds >= $0 }) != false else { return }
      } catch {
        if error.saysNotAllowed { unreadable.append(parent(of: path)) }
        return
      }
    }
    found.insert(path)
    files.append(path)
  }

  private func isDirectory(_ entry: DirectoryEntry, in directory: String) -> Bool {
    switch entry.kind {
    case .directory: true
    case .unknown: (try? FileStatus(Self.join(directory, entry.name), followingLinks: false))?.kind == .directory
    default: false
    }
  }

  private static func mayBeDirectory(_ kind: DirectoryEntry.Kind) -> Bool {
    kind == .directory || kind == .link || kind == .unknown
  }

  private static func join(_ directory: String, _ name: String) -> String {
    switch directory {
    case ".": name
    case "/": "/" + name
    default: "\(directory)/\(name)"
    }
  }
}
