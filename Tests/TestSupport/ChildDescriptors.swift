// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux

/// Keeps what is open in the test's process from the children it starts: the network library's sockets are inherited
/// otherwise, and a port that one test gives up would stay taken as long as the child of another lives.
public func keepDescriptorsFromChildren() {
  for name in (try? listDirectory("/proc/self/fd")) ?? [] {
    if let number = Int32(name), number > STDERR_FILENO { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
  }
}
