// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

private func path(_ name: String, _ file: String = #filePath) -> String { "\(parent(of: file))/Fixtures/\(name)" }

/// The text of a file in `Fixtures`.
func fixture(_ name: String) throws -> String { String(decoding: try readFile(path(name)), as: UTF8.self) }

/// Expects that `text` is what the file `name` in `Fixtures` says.
///
/// With `UPDATE_FIXTURES` in the environment the file is written instead; read it before you commit it.
func expect(_ text: String, isFixture name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  if environmentVariable("UPDATE_FIXTURES") != nil {
    try replaceFile(path(name), with: Array(text.utf8).span, mode: 0o644)
  }
  #expect(text == (try fixture(name)), "see Fixtures/\(name)", sourceLocation: sourceLocation)
}
