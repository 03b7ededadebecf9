// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The paths that targets stand for, themselves or as patterns.
struct TargetExpansion {
  /// A reason why a target, or some of it, is not read.
  struct Problem {
    var message: String
    var field: (String, String)
    /// Whether it may go away by itself, and is shown as long as it is there.
    var isLasting = true
  }

  /// The paths of each target.
  private(set) var paths: [[String]] = []
  /// The directories in which a pattern may find more.
  private(set) var directories: Set<String> = []
  private(set) var problems: [Problem] = []

  init(_ settings: FileSourceSettings) {
    for target in settings.targets { paths.append(expand(target, settings.matching)) }
  }

  private mutating func expand(_ target: [String: String], _ matching: FileSourceSettings.Matching?) -> [String] {
    guard let path = target["__path__"], !path.isEmpty else {
      let field = ("target", "\(target.sorted { $0.key < $1.key })")
      problems.append(
        Problem(message: "a target has no __path__ and is passed over", field: field, isLasting: false))
      return []
    }
    guard let matching else {
      if Glob.isPattern(path), (try? FileStatus(path)) == nil {
        note(
          "this path is a pattern and there is no file with this name; expand it with local.file_match, or with a "
            + "file_match block with enabled = true", ("path", path))
      }
      return [path]
    }
    do throws(GlobError) {
      let excluding = target["__path_exclude__"].flatMap { $0.isEmpty ? nil : $0 }
      let age = nanoseconds(matching.ignoreOlderThan)
      let walk = GlobWalk(
        try Glob(path), excluding: try excluding.map { text throws(GlobError) in try Glob(text) },
        writtenAfter: age > 0 ? wallClockNanoseconds() - age : nil)
      directories.formUnion(walk.directories)
      if walk.isCutShort { note("the pattern has too many files below it; some are not read", ("path", path)) }
      for directory in walk.unreadable {
        note("this directory may not be listed by the user this agent runs as", ("directory", directory))
      }
      return walk.files
    } catch {
      note("this pattern cannot be used: \(error)", ("path", path))
      return []
    }
  }

  private mutating func note(_ message: String, _ field: (String, String)) {
    problems.append(Problem(message: message, field: field))
  }
}
