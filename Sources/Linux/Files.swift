// SPDX-License-Identifier: Apache-2.0

public import Glibc

/// The whole of the file at `path`, refused with `EFBIG` when it has more than `limit` bytes.
public func readFile(_ path: String, limit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
  let file = try FileDescriptor(opening: path)
  var contents: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: min(limit + 1, 16 << 10))
  while true {
    let count = try file.read(into: &chunk)
    if count == 0 { return contents }
    contents.append(contentsOf: chunk[..<count])
    guard contents.count <= limit else { throw SystemError("read", path, errno: EFBIG) }
  }
}

/// Replaces the file at `path` as a whole: after a crash there is either the old content or the new.
public func replaceFile(_ path: String, with bytes: Span<UInt8>, mode: mode_t = 0o640) throws(SystemError) {
  let temporary = path + ".tmp"
  do {
    let file = try FileDescriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.write(bytes)
    try file.sync()
  }
  guard unsafe rename(temporary, path) == 0 else { throw SystemError("rename", path) }
  try syncDirectory(parent(of: path))
}

/// Makes the creation, renaming and removal of the entries of `path` durable.
public func syncDirectory(_ path: String) throws(SystemError) {
  try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY).sync()
}

/// Creates `path` and what is missing above it.
public func makeDirectory(_ path: String, mode: mode_t = 0o750) throws(SystemError) {
  if unsafe mkdir(path, mode) == 0 { return }
  switch errno {
  case EEXIST where fileKind(path) == .directory: return
  case ENOENT where parent(of: path) != path:
    try makeDirectory(parent(of: path), mode: mode)
    guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else { throw SystemError("mkdir", path) }
  default: throw SystemError("mkdir", path)
  }
}

/// Gives the directory `path` to `user` and `group` with permission bits `mode`; false when it was theirs before, and
/// was left as it is. Takes no capability but `CAP_CHOWN`, as long as this process may open the directory.
public func giveDirectory(_ path: String, toUser user: uid_t, group: gid_t, mode: mode_t) throws(SystemError) -> Bool {
  var status = stat()
  guard unsafe lstat(path, &status) == 0 else { throw SystemError("lstat", path) }
  if status.st_uid == user, status.st_gid == group { return false }
  let directory = try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  // The mode first: it is the owner's to change.
  guard fchmod(directory.number, mode) == 0 else { throw SystemError("chmod", path) }
  guard fchown(directory.number, user, group) == 0 else { throw SystemError("chown", path) }
  return true
}

/// The names in the directory `path`, without `.` and `..`, in byte order.
public func listDirectory(_ path: String) throws(SystemError) -> [String] {
  guard let directory = unsafe opendir(path) else { throw SystemError("opendir", path) }
  defer { unsafe _ = closedir(directory) }
  var names: [String] = []
  while true {
    errno = 0
    guard let entry = unsafe readdir(directory) else {
      guard errno == 0 else { throw SystemError("readdir", path) }
      break
    }
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
      unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// What a path leads to.
public enum FileKind: Sendable {
  /// An ordinary file.
  case regular
  /// A directory.
  case directory
  /// A device, socket or pipe.
  case other
}

/// What `path` leads to, links followed; nil when there is nothing or it cannot be seen.
public func fileKind(_ path: String) -> FileKind? {
  var status = stat()
  guard unsafe stat(path, &status) == 0 else { return nil }
  switch status.st_mode & S_IFMT {
  case S_IFREG: return .regular
  case S_IFDIR: return .directory
  default: return .other
  }
}

/// Removes the file at `path`.
public func removeFile(_ path: String) throws(SystemError) {
  guard unsafe unlink(path) == 0 else { throw SystemError("unlink", path) }
}

/// Removes `path` and, when it is a directory, all below it; links are removed, not followed.
public func removeTree(_ path: String) throws(SystemError) {
  var status = stat()
  guard unsafe lstat(path, &status) == 0 else { throw SystemError("lstat", path) }
  guard status.st_mode & S_IFMT == S_IFDIR else { return try removeFile(path) }
  for name in try listDirectory(path) { try removeTree("\(path)/\(name)") }
  guard unsafe rmdir(path) == 0 else { throw SystemError("rmdir", path) }
}

/// The directory part of `path`: `/a` of `/a/b`, `.` of `b`.
public func parent(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The value of environment variable `name`.
public func environmentVariable(_ name: String) -> String? {
  unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// The kernel's name for this host.
public func hostname() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The permission bits of what `path` leads to.
public func fileMode(_ path: String) -> mode_t? {
  var status = stat()
  guard unsafe stat(path, &status) == 0 else { return nil }
  return status.st_mode & 0o7777
}
