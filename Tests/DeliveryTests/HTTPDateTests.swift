// SPDX-License-Identifier: Apache-2.0

import Delivery
import Testing

@Suite struct HTTPDateTests {
  @Test(arguments: [
    "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
  ]) func `all three forms mean the same moment`(text: String) {
    #expect(secondsSince1970(httpDate: text) == 784_111_777)
  }

  @Test func `leap days and year ends are where the calendar has them`() {
    #expect(secondsSince1970(httpDate: "Thu, 01 Jan 1970 00:00:00 GMT") == 0)
    #expect(secondsSince1970(httpDate: "Thu, 29 Feb 2024 23:59:59 GMT") == 1_709_251_199)
    #expect(secondsSince1970(httpDate: "Fri, 01 Mar 2024 00:00:00 GMT") == 1_709_251_200)
    #expect(secondsSince1970(httpDate: "Tue, 31 Dec 2069 00:00:00 GMT") == 3_155_673_600)
  }

  @Test(arguments: [
    "", "soon", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 +8:49:37 GMT", "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    String(repeating: "Sun, ", count: 1000),
  ]) func `anything else is no date`(text: String) {
    #expect(secondsSince1970(httpDate: text) == nil)
  }
}
