// SPDX-License-Identifier: Apache-2.0

import Components
import HTTP
import Linux
import Runtime
import Status
import Syntax
import TestSupport
import Testing

/// Documents in `Fixtures/`: configurations, and what is said about them.
///
/// With `UPDATE_FIXTURES` set, what is said now is written down as expected; read the difference then.
@Suite struct DiagnosticsTests {
  @Test(arguments: try Document.names) func `what is wrong with a configuration is shown as expected`(
    name: String
  ) throws {
    let documents = try Document.all(in: name)
    if environmentVariable("UPDATE_FIXTURES") != nil {
      let updated = try documents.map { "\($0.input)----------\n\(try diagnose($0.input))" }
      return try replaceFile(Document.path(name), with: Array(updated.joined(separator: "==========\n").utf8).span)
    }
    for document in documents { #expect(try diagnose(document.input) == document.expected) }
  }

  private func diagnose(_ text: String) throws -> String {
    let directory = try TemporaryDirectory()
    try replaceFile(directory.path("main.alloy"), with: Array(text.utf8).span)
    let services = Services(
      network: Network(), version: "1.2.3", localTargets: LocalTargets(), selfMetrics: SelfMetrics(version: "1.2.3"))
    let source = ConfigurationSource(path: directory.path("main.alloy"))
    let rendered: String
    do throws(ConfigurationError) {
      let plan = try Controller.validate(source, kinds: Components.all(services))
      rendered = render(plan.warnings, sources: plan.sources)
    } catch { rendered = error.description }
    return rendered.replacing(directory.path + "/", with: "") + (rendered.isEmpty ? "" : "\n")
  }
}

private struct Document {
  var input: String
  var expected: String

  static var names: [String] {
    get throws { try listDirectory(parent(of: path(""))).filter { $0.hasSuffix(".diagnostics") } }
  }

  static func path(_ name: String) -> String { "\(parent(of: #filePath))/Fixtures/\(name)" }

  static func all(in name: String) throws -> [Document] {
    let text = String(decoding: try readFile(path(name)), as: UTF8.self)
    return pieces(text, "==========").map { piece in
      let parts = pieces(piece, "----------")
      return Document(input: parts[0], expected: parts.count > 1 ? parts[1] : "")
    }
  }

  private static func pieces(_ text: String, _ separator: String) -> [String] {
    var found = [""]
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line == separator { found.append("") } else { found[found.count - 1] += line + "\n" }
    }
    return found
  }
}
