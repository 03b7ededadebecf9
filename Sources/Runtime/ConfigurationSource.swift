// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Syntax

/// Where a configuration is read from: one file, or every `*.alloy` of a directory.
public struct ConfigurationSource: Sendable {
  /// The path as it was given.
  public let path: String

  /// Larger files are refused; the largest configurations people have are a few hundred KiB.
  static let fileSizeLimit = 8 << 20

  /// The configuration at `path`.
  public init(path: String) { self.path = path }

  /// The directory relative names in the configuration start from.
  public var directory: String { fileKind(path) == .directory ? path : parent(of: path) }

  /// What was read, and what there is to say about it.
  public struct Files: Sendable {
    /// The files, in the order of their names.
    public var files: [SourceFile]
    /// Remarks on files that were read or passed over.
    public var diagnostics: [Diagnostic]
  }

  /// Reads the file, or the directory's files (not those below it).
  ///
  /// - Throws: `ConfigurationError` when the path cannot be read or a directory has no configuration in it.
  public func read() throws(ConfigurationError) -> Files {
    do throws(SystemError) {
      guard fileKind(path) == .directory else {
        return Files(files: [try Self.readFile(at: path)], diagnostics: [])
      }
      var files: [SourceFile] = []
      var diagnostics: [Diagnostic] = []
      for name in try listDirectory(path) where fileKind("\(path)/\(name)") == .regular {
        guard name.hasSuffix(".alloy") || name.hasSuffix(".river") else { continue }
        let file = try Self.readFile(at: "\(path)/\(name)")
        files.append(file)
        if name.hasSuffix(".river") {
          diagnostics.append(
            Diagnostic(
              .warning, "\(file.name) was read although it ends in .river, which Alloy passes over in a directory",
              at: nil, hint: "rename it to \(name.dropLast(6)).alloy"))
        }
      }
      guard !files.isEmpty else { throw SystemError("read", path, errno: 0) }
      return Files(files: files, diagnostics: diagnostics)
    } catch {
      if error.errno == 0 {
        throw ConfigurationError.unreadable("\(path): the directory has no *.alloy file in it")
      }
      throw ConfigurationError.unreadable("\(error)")
    }
  }

  private static func readFile(at path: String) throws(SystemError) -> SourceFile {
    SourceFile(name: path, bytes: try Linux.readFile(path, limit: fileSizeLimit))
  }
}

/// Why a configuration cannot be run.
public enum ConfigurationError: Error, CustomStringConvertible {
  /// It was not looked at, for the agent is stopping.
  case stopping
  /// It cannot be read; the text says what and why.
  case unreadable(String)
  /// It has mistakes.
  case invalid([Diagnostic], sources: [SourceFile])

  /// What the operator sees: what is wrong and what to do, or the mistakes with their places.
  public var description: String {
    switch self {
    case .stopping: "Error: the agent is stopping; the configuration was not read"
    case .unreadable(let reason):
      """
      Error: cannot read the configuration: \(reason)
        give the path of a file or directory this user may read; "agent demo" needs none
      """
    case .invalid(let diagnostics, let sources): render(diagnostics, sources: sources)
    }
  }
}
