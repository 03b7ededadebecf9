// SPDX-License-Identifier: Apache-2.0

import Glibc
import Relabel
import Testing

/// One document of `Fixtures/`: rules, then pairs of labels before and after, all between lines of dashes.
struct RuleFixture: CustomTestStringConvertible {
  struct Example {
    var input: [String: String]
    /// nil where the document says `dropped`.
    var expected: [String: String]?
  }

  var name: String
  var rules: [RelabelRule] = []
  var examples: [Example] = []

  var testDescription: String { name }

  /// All of them; a document that cannot be read stops the tests.
  static let all: [RuleFixture] = names.map { name in
    do {
      return try RuleFixture(name)
    } catch {
      fatalError("\(name): \(error)")
    }
  }

  private static let folder =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/") + "/Fixtures"

  private static let names: [String] = {
    guard let directory = opendir(folder) else { fatalError("no \(folder)") }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".rules") { names.append(name) }
    }
    return names.sorted()
  }()

  init(_ name: String) throws {
    self.name = name
    let lines = try readText("\(Self.folder)/\(name)").split(separator: "\n").filter { !$0.hasPrefix("#") }
    let sections = lines.split { $0.hasPrefix("-----") }
    guard let rules = sections.first, sections.count > 1 else { throw FixtureError("rules and examples expected") }
    for block in rules.split(whereSeparator: { $0 == "}" }) { self.rules.append(try readRule(block)) }
    for section in sections.dropFirst() {
      guard section.count == 2, let input = section.first, let expected = section.last else {
        throw FixtureError("two lines expected, not \(section.count)")
      }
      examples.append(
        Example(input: try readLabels(input), expected: expected == "dropped" ? nil : try readLabels(expected)))
    }
  }
}

struct FixtureError: Error {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

private func readText(_ path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw FixtureError("cannot open \(path)") }
  defer { fclose(file) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { return String(decoding: text, as: UTF8.self) }
    text += buffer[..<count]
  }
}

private func readRule(_ lines: ArraySlice<Substring>) throws -> RelabelRule {
  guard lines.first == "rule {" else { throw FixtureError("a rule expected, not \(lines)") }
  var values: [String: String] = [:]
  for line in lines.dropFirst() {
    let parts = line.split(separator: "=", maxSplits: 1).map { trimmed($0) }
    guard parts.count == 2 else { throw FixtureError("no attribute: \(line)") }
    values[parts[0]] = parts[1]
  }
  /// Backslashes stand for themselves, so that regexes read as in a configuration's backticks.
  func text(_ key: String, _ standard: String) -> String {
    values[key].map { String($0.dropFirst().dropLast()) } ?? standard
  }
  let sources = values["source_labels"].map { list in
    list.dropFirst().dropLast().split(separator: ",").map { String(trimmed($0).dropFirst().dropLast()) }
  }
  return try RelabelRule(
    sourceLabels: sources ?? [], separator: text("separator", ";"), regex: text("regex", "(.*)"),
    modulus: UInt64(values["modulus"] ?? "0") ?? 0, targetLabel: text("target_label", ""),
    replacement: text("replacement", "$1"), action: RelabelRule.Action(named: text("action", "replace")))
}

/// `{a="1", b="2"}`, with `\n` for a newline.
private func readLabels(_ text: Substring) throws -> [String: String] {
  guard text.hasPrefix("{"), text.hasSuffix("}") else { throw FixtureError("labels expected: \(text)") }
  var labels: [String: String] = [:]
  for pair in text.dropFirst().dropLast().split(separator: ", ") {
    let parts = pair.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, parts[1].count >= 2 else { throw FixtureError("no label: \(pair)") }
    labels[String(parts[0])] = String(parts[1].dropFirst().dropLast()).split(
      separator: "\\n", omittingEmptySubsequences: false
    ).joined(separator: "\n")
  }
  return labels
}

private func trimmed(_ text: Substring) -> String {
  String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
}
