// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct BadInputTests {
  @Test(.enabled(if: Session.isUpdating)) func `the document is written anew`() async throws {
    try await Session.update("bad-input")
  }

  @Test(arguments: Session.all("bad-input"))
  func `bad input is told with its place and, where known, its fix`(_ session: Session) async throws {
    #expect(try await session.run() == session.expected)
  }
}
