// SPDX-License-Identifier: Apache-2.0

import Queue
import Testing

@Suite struct QueueErrorTests {
  @Test func `a directory in use is an error that says what to do`() {
    #expect("\(QueueError.inUse(path: "/q"))".contains("/q: another agent is using it; stop that one"))
  }
}
