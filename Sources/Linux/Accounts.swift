// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The name of the user whose rights this process has, or its number where it has no name.
public func currentUserName() -> String {
  let id = geteuid()
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    unsafe _ = getpwuid_r(id, &entry, buffer.baseAddress!, buffer.count, &found)
    guard let name = unsafe found?.pointee.pw_name else { return String(id) }
    return unsafe String(cString: name)
  }
}

/// The name of the group that owns the file at `path`, or its number where it has no name; nil when it cannot be seen.
public func owningGroupName(_ path: String) -> String? {
  var status = stat()
  guard unsafe stat(path, &status) == 0 else { return nil }
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
    var entry = unsafe group()
    var found: UnsafeMutablePointer<group>?
    unsafe _ = getgrgid_r(status.st_gid, &entry, buffer.baseAddress!, buffer.count, &found)
    guard let name = unsafe found?.pointee.gr_name else { return String(status.st_gid) }
    return unsafe String(cString: name)
  }
}
