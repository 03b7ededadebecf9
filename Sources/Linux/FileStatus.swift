// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Which file something is, and how far it got.
public struct FileStatus: Sendable, Equatable {
  /// The file system it is on.
  public var device: UInt64
  /// Its number there, used again once the file is gone.
  public var inode: UInt64
  /// How many bytes it has.
  public var size: Int64
  /// When it was last written, in nanoseconds since 1970.
  public var modifiedNanoseconds: Int64
  /// When it was made, in nanoseconds since 1970; 0 where the file system does not know.
  public var bornNanoseconds: Int64
  /// How many names it has.
  public var links: Int
  /// What it is; nil for a symbolic link.
  public var kind: FileKind?

  /// Of what `path` leads to; of a link itself unless `followingLinks`.
  public init(_ path: String, followingLinks: Bool = true) throws(SystemError) {
    var status = clinux_status()
    guard unsafe clinux_file_status(-1, path, followingLinks ? 1 : 0, &status) == 0 else {
      throw SystemError("stat", path)
    }
    self.init(status)
  }

  fileprivate init(_ status: clinux_status) {
    device = status.device
    inode = status.inode
    size = status.size
    modifiedNanoseconds = status.modified_nanoseconds
    bornNanoseconds = status.born_nanoseconds
    links = Int(status.links)
    kind =
      switch status.mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: nil
      default: .other
      }
  }
}

extension FileDescriptor {
  /// The status of the open file.
  public func status() throws(SystemError) -> FileStatus {
    var status = clinux_status()
    guard unsafe clinux_file_status(number, "", 0, &status) == 0 else { throw SystemError("fstat", path) }
    return FileStatus(status)
  }

  /// Where the next bytes that are not a hole begin, at or after `offset`; nil when only a hole follows or the file
  /// system cannot tell.
  public func nextData(after offset: Int64) -> Int64? {
    let seekData: Int32 = 3  // SEEK_DATA, which Swift's Glibc module does not show
    let found = lseek(number, off_t(offset), seekData)
    return found < 0 ? nil : Int64(found)
  }
}

/// Whether changes to `path` may be made by other hosts, of which this kernel does not tell.
public func isRemote(_ path: String) -> Bool {
  // NFS, SMB, CIFS, FUSE, 9P, Ceph, AFS, GFS2, OCFS2, Lustre (statfs(2)).
  let remote: Set<Int64> = [
    0x6969, 0xfe53_4d42, 0xff53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400, 0x5346_414f, 0x0116_1970, 0x7461_636f,
    0x0bd0_0bd0,
  ]
  return remote.contains(unsafe clinux_file_system_type(path))
}

/// The time the kernel stamps files with: never ahead of the stamp of a file that is written after this call.
public func fileClockNanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The flags that open a file for reading and do not wait for the other end when it is a pipe.
public let readWithoutWaiting: Int32 = O_RDONLY | O_NONBLOCK | O_NOCTTY

extension SystemError {
  /// Whether there is nothing at the path.
  public var saysNothingIsThere: Bool { errno == ENOENT || errno == ENOTDIR }

  /// Whether this process lacks the permission.
  public var saysNotAllowed: Bool { errno == EACCES || errno == EPERM }
}
