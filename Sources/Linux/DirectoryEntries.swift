// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// One name in a directory.
public struct DirectoryEntry: Sendable, Equatable {
  /// What a name stands for, as far as the directory itself tells.
  public enum Kind: Sendable {
    /// An ordinary file.
    case regular
    /// A directory.
    case directory
    /// A symbolic link.
    case link
    /// A device, socket or pipe.
    case other
    /// The file system does not say.
    case unknown
  }

  /// The name.
  public var name: String
  /// What it stands for.
  public var kind: Kind
}

/// The entries of the directory `path`, without `.` and `..`, in no order; at most `limit` of them.
public func directoryEntries(_ path: String, limit: Int = 1_000_000) throws(SystemError) -> [DirectoryEntry] {
  guard let directory = unsafe opendir(path) else { throw SystemError("opendir", path) }
  defer { unsafe _ = closedir(directory) }
  var entries: [DirectoryEntry] = []
  while entries.count < limit {
    errno = 0
    guard let entry = unsafe readdir(directory) else {
      guard errno == 0 else { throw SystemError("readdir", path) }
      break
    }
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
      unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name == "." || name == ".." { continue }
    let kind: DirectoryEntry.Kind =
      switch Int(unsafe entry.pointee.d_type) {
      case Int(DT_REG): .regular
      case Int(DT_DIR): .directory
      case Int(DT_LNK): .link
      case Int(DT_UNKNOWN): .unknown
      default: .other
      }
    entries.append(DirectoryEntry(name: name, kind: kind))
  }
  return entries
}

/// Whether this process may list and enter the directory `path`; true where there is none.
public func mayEnter(_ path: String) -> Bool {
  unsafe access(path, R_OK | X_OK) == 0 || errno != EACCES
}
