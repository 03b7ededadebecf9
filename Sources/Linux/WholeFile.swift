// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension FileDescriptor {
  /// Reads the file from its beginning into `buffer`, which grows when it must, and returns the number of bytes.
  ///
  /// For files of `/proc` and `/sys`, which are made anew when read at offset 0, so one descriptor serves for ever.
  /// A short read does not mean the end there, so this reads until there is nothing left, at most `chunk` bytes at a
  /// time (some files make the kernel allocate what is asked for) and `limit` bytes in all; what is beyond is cut off.
  public borrowing func readAgain(
    into buffer: inout [UInt8], chunk: Int, limit: Int = 1 << 20
  ) throws(SystemError) -> Int {
    var filled = 0
    while filled < limit {
      if filled == buffer.count {
        buffer.append(contentsOf: repeatElement(0, count: max(4096, min(buffer.count, limit - filled))))
      }
      let wanted = min(chunk, buffer.count - filled, limit - filled)
      let count = retryingInterrupts {
        unsafe buffer.withUnsafeMutableBytes { bytes in
          guard let start = bytes.baseAddress else { return 0 }
          return unsafe pread(number, start + filled, wanted, off_t(filled))
        }
      }
      guard count >= 0 else { throw SystemError("read", path) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Reads the file once from its beginning, at most `count` bytes, into `buffer`, and returns the number of bytes.
  ///
  /// For attributes of `/sys`: one is always had in one read, and some drivers never report an end.
  public borrowing func readOnce(into buffer: inout [UInt8], atMost count: Int) throws(SystemError) -> Int {
    if buffer.count < count { buffer.append(contentsOf: repeatElement(0, count: count - buffer.count)) }
    let result = retryingInterrupts {
      unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, count, 0) }
    }
    guard result >= 0 else { throw SystemError("read", path) }
    return result
  }
}

/// What tells whether a file is still the one it was, unchanged.
public struct FileStamp: Equatable, Sendable {
  private var device: UInt64
  private var inode: UInt64
  private var size: Int64
  private var modifiedSeconds: Int64
  private var modifiedNanoseconds: Int64

  /// The stamp of what `path` leads to; nil where there is nothing, or nothing we may see.
  public init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modifiedSeconds = Int64(status.st_mtim.tv_sec)
    modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
  }
}
