// SPDX-License-Identifier: Apache-2.0

import Linux
import Syntax

/// A document of input and expected output, separated by a line of dashes.
struct Fixture: CustomStringConvertible {
  let name: String
  let parts: [String]

  var input: String { parts[0] }
  var expected: String { parts.count > 1 ? parts[1] : "" }
  var description: String { name }

  /// The documents in `Fixtures/` whose names end with `.kind`, split into cases at lines of `=` signs.
  static func all(_ kind: String) throws -> [Fixture] {
    let directory = "\(parent(of: #filePath))/Fixtures"
    return try listDirectory(directory).filter { $0.hasSuffix(".\(kind)") }.flatMap { name in
      let text = String(decoding: try readFile("\(directory)/\(name)"), as: UTF8.self)
      return cases(text).enumerated().map { index, document in
        Fixture(name: "\(name) case \(index + 1)", parts: split(document, at: "----------\n"))
      }
    }
  }

  /// With `UPDATE_FIXTURES` set, writes what `transform` makes of each input as expected; read the difference then.
  static func update(_ kind: String, _ transform: (String) -> String) throws {
    guard environmentVariable("UPDATE_FIXTURES") != nil else { return }
    let directory = "\(parent(of: #filePath))/Fixtures"
    for name in try listDirectory(directory) where name.hasSuffix(".\(kind)") {
      let text = String(decoding: try readFile("\(directory)/\(name)"), as: UTF8.self)
      let inputs = cases(text).map { split($0, at: "----------\n")[0] }
      let documents = inputs.map { "\($0)----------\n\(transform($0))" }
      try replaceFile("\(directory)/\(name)", with: Array(documents.joined(separator: "==========\n").utf8).span)
    }
  }

  private static func cases(_ text: String) -> [String] { split(text, at: "==========\n") }

  private static func split(_ text: String, at line: String) -> [String] {
    var parts = [""]
    for piece in text.split(separator: "\n", omittingEmptySubsequences: false).map({ $0 + "\n" }) {
      if piece == line { parts.append("") } else { parts[parts.count - 1] += piece }
    }
    // The text ends with a newline, after which there is no further line.
    parts[parts.count - 1].removeLast()
    return parts
  }
}

/// What `text` parses to, as a file called `main.alloy`.
func source(_ text: String) -> SourceFile { SourceFile(name: "main.alloy", text: text) }

/// The formatted form of `text`, or its errors.
func formatted(_ text: String) -> String {
  switch format(source(text)) {
  case .success(let bytes): String(decoding: bytes, as: UTF8.self)
  case .failure(let errors): errors.description
  }
}

/// The value of expression `text`, or the error as `column: message`.
func value(of text: String, in scope: Scope = Scope()) -> Result<Value, TestError> {
  let (body, diagnostics) = parse(source("v = \(text)\n"))
  if let first = diagnostics.first { return .failure(TestError(text: first.description)) }
  guard let attribute = body.attributes.first else { return .failure(TestError(text: "no attribute")) }
  do throws(EvaluationError) {
    return .success(try evaluate(attribute.value, in: scope))
  } catch {
    return .failure(TestError(text: "\(error.range.start.column): \(error.message)"))
  }
}

/// An error as text.
struct TestError: Error, Equatable {
  var text: String
}
