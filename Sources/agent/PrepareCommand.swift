// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import Linux

/// `agent prepare`.
struct PrepareCommand {
  private let user: String
  private let storagePath: String

  init(_ invocation: Invocation) {
    user = invocation.positionals[0]
    storagePath = invocation.value("storage.path") ?? Standard.storage
  }

  func perform() -> Int32 {
    guard let (uid, gid) = owner else {
      printError("Error: \"\(user)\" is not UID:GID\n  for example 65532:65532")
      return 2
    }
    do throws(SystemError) {
      try makeDirectory(storagePath)
      let change = try giveDirectory(storagePath, toUser: uid, group: gid, mode: 0o750)
      print("\(storagePath) \(change ? "belongs to \(uid):\(gid) now" : "belongs to \(uid):\(gid) already")")
      return 0
    } catch {
      printError(
        """
        Error: cannot give the state directory \(storagePath) to \(uid):\(gid): \(error)
          this needs root with CAP_CHOWN; what belongs to a third user is that user's or root's to give away:
          chown -R \(uid):\(gid) \(storagePath)
        """)
      return 1
    }
  }

  private var owner: (uid_t, gid_t)? {
    let parts = user.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let uid = uid_t(parts[0]), let gid = gid_t(parts[1]) else { return nil }
    return (uid, gid)
  }
}
