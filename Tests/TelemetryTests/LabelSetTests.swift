// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct LabelSetTests {
  @Test func `no value breaks out of its quotes or its line, whatever follows the quote or the newline`() {
    let labels = LabelSet(["a": "x\r\ny\"\u{301}z\\\u{301}"])
    #expect(labels.description == "{a=\"x\r\\ny\\\"\u{301}z\\\\\u{301}\"}")
  }
}
