// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Which file it is, whatever it is called.
struct FileKey: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64

  init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  init(_ status: FileStatus) { self.init(device: status.device, inode: status.inode) }

  /// `device:inode` in hexadecimal: what the source of the file's lines is called.
  var name: [UInt8] { Array("\(String(device, radix: 16)):\(String(inode, radix: 16))".utf8) }

  /// The file that `name` stands for; nil for anything `name` would not say.
  init?(name: [UInt8]) {
    let parts = String(decoding: name, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let device = UInt64(parts[0], radix: 16), let inode = UInt64(parts[1], radix: 16)
    else { return nil }
    self.init(device: device, inode: inode)
  }
}

/// When a file was made, short: enough to tell a file from the one that had its inode before.
///
/// 0 where the file system does not know.
func birthMark(_ bornNanoseconds: Int64) -> UInt32 {
  guard bornNanoseconds != 0 else { return 0 }
  let mixed = UInt64(bitPattern: bornNanoseconds) &* 0x9e37_79b9_7f4a_7c15
  return max(1, UInt32(truncatingIfNeeded: mixed >> 32))
}
