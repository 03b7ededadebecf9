// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Testing

struct SignalsTests {
  /// The process is full of threads that never heard of it, as any process with Swift's tasks is.
  @Test func `a signal that any thread may get is heard, and ends nothing`() async throws {
    var arrived = try signals([SIGUSR1, SIGUSR2]).makeAsyncIterator()
    for number in [SIGUSR1, SIGUSR2, SIGUSR1] {
      kill(getpid(), number)
      #expect(await arrived.next() == number)
    }
  }
}
