// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The files in some directories, as one look through them found them.
struct DirectoryListing {
  private(set) var seen: [SeenFile] = []
  /// Directories that were looked through, or should have been.
  let looked: Set<String>
  /// Directories that could not be listed, though there may be something in them, and why.
  private(set) var unknown: [String: String] = [:]
  /// When it began, on the clock of files.
  let now = fileClockNanoseconds()
  /// Whether names came or went meanwhile, so that a file may have escaped.
  private(set) var isUnsteady = false

  /// Looks through `directories`; in those that may be entered but not listed, files are found by `names`.
  init(_ directories: Set<String>, names: some Sequence<FollowedPath>) {
    looked = directories
    for directory in directories.sorted() {
      do throws(SystemError) {
        try list(directory)
      } catch  where !error.saysNothingIsThere {
        unknown[directory] = error.reason
        let known = names.flatMap { Set([$0.path, $0.realPath]) }
        for path in known where parent(of: path) == directory {
          add(String(path.dropFirst(directory == "/" ? 1 : directory.count + 1)), in: directory)
        }
      } catch {}
      if let status = try? FileStatus(directory), status.modifiedNanoseconds >= now { isUnsteady = true }
    }
  }

  private mutating func list(_ directory: String) throws(SystemError) {
    for entry in try directoryEntries(directory) where entry.kind != .directory && entry.kind != .other {
      add(entry.name, in: directory)
    }
  }

  private mutating func add(_ name: String, in directory: String) {
    var file = SeenFile(key: FileKey(device: 0, inode: 0), directory: directory, name: name, size: 0)
    guard let status = try? FileStatus(file.path), status.kind == .regular else { return }
    file.key = FileKey(status)
    file.size = status.size
    file.bornNanoseconds = status.bornNanoseconds
    file.modifiedNanoseconds = status.modifiedNanoseconds
    seen.append(file)
  }
}
