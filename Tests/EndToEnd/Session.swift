// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport

/// A shell script, and everything it must print: what a user sees who types it.
///
/// Documents in `Fixtures/*.session` hold several, separated by lines of `=` signs; a line of dashes separates script
/// and output. The script's first line is a comment that says what it shows. It runs in an empty directory, `$DIR` in
/// the output, with the built `agent` in its path; a command that fails is followed by its status.
struct Session: CustomStringConvertible, Sendable {
  let script: String
  let expected: String

  var description: String { String(script.prefix { $0 != "\n" }.drop { $0 == "#" || $0 == " " }) }

  /// The sessions of a document. With `UPDATE_FIXTURES` set it is written anew; read the difference then.
  static func all(_ name: String) -> [Session] {
    let text = (try? readFile(path(name))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return split(text, at: "==========\n").map { document in
      let parts = split(document, at: "----------\n")
      return Session(script: parts[0], expected: parts.count > 1 ? parts[1] : "")
    }
  }

  /// Replaces the output in the document by what the scripts print now.
  static func update(_ name: String) async throws {
    var documents: [String] = []
    for session in all(name) { documents.append("\(session.script)----------\n\(try await session.run())") }
    try replaceFile(path(name), with: Array(documents.joined(separator: "==========\n").utf8).span, mode: 0o644)
  }

  static var isUpdating: Bool { environmentVariable("UPDATE_FIXTURES") != nil }

  private static func path(_ name: String) -> String { "\(parent(of: #filePath))/Fixtures/\(name).session" }

  private static func split(_ text: String, at line: String) -> [String] {
    var parts = [""]
    for piece in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map({ $0 + "\n" }) {
      if piece == line { parts.append("") } else { parts[parts.count - 1] += piece }
    }
    return parts
  }

  /// What the script prints: both outputs in the order of their lines, without what differs from run to run.
  func run() async throws -> String {
    let directory = try TemporaryDirectory()
    let shell = try ChildProcess(
      ["/bin/sh", "-c", "exec 2>&1; cd '\(directory.path)'\n\(Self.prelude)\(script)"],
      environment: ["PATH": "\(parent(of: AgentProcess.path)):\(environmentVariable("PATH") ?? "/usr/bin:/bin")"])
    let status = await shell.waitForExit(within: .seconds(60))
    var lines = shell.output.split(separator: "\n", omittingEmptySubsequences: false).map { withoutTimes(String($0)) }
    if lines.last == "" { lines.removeLast() }
    if status != 0 { lines.append(status.map { "(exit status \($0))" } ?? "(still running after a minute)") }
    return lines.map { replacing(directory.path, by: "$DIR", in: $0) + "\n" }.joined()
  }

  /// `status` prints a failed status and goes on; `unprivileged` lets file modes count for root too.
  private static let prelude = """
    status() { "$@" || echo "(exit status $?)"; }
    unprivileged() {
      if [ "$(id -u)" = 0 ]; then setpriv --bounding-set=-all --inh-caps=-all "$@"; else "$@"; fi
    }

    """
}

/// `ts=2026-01-02T…` becomes `ts=TIME`.
private func withoutTimes(_ line: String) -> String {
  guard line.hasPrefix("ts="), let space = line.firstIndex(of: " ") else { return line }
  return "ts=TIME" + line[space...]
}

private func replacing(_ text: String, by other: String, in line: String) -> String {
  var rest = Array(line.utf8)[...]
  let pattern = Array(text.utf8)
  var result: [UInt8] = []
  while !rest.isEmpty {
    if rest.starts(with: pattern) {
      result += Array(other.utf8)
      rest = rest.dropFirst(pattern.count)
    } else {
      result.append(rest.removeFirst())
    }
  }
  return String(decoding: result, as: UTF8.self)
}
