// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

/// Namespaces of a test's own, which end with the process that holds them.
final class Sandbox: Sendable {
  /// Whether this machine lets a test make them.
  static let isPossible = geteuid() == 0 && (try? Program.run("unshare", "-m", "-n", "true")) != nil
  /// Why not.
  static let needs: Comment = "needs root that may make mount and network namespaces"

  private let holder: Program
  private let flags: [String]

  /// Makes namespaces of the kinds that `flags` of `unshare` and `nsenter` name (`-m`, `-n`) and runs `script` in them,
  /// `arguments` being `$1` and so on.
  init(_ flags: [String], in directory: TemporaryDirectory, _ script: String, _ arguments: String...) async throws {
    self.flags = flags
    let output = directory.path("sandbox.\(UInt32.random(in: 0 ... .max))")
    holder = try Program(
      ["unshare"] + flags + ["bash", "-c", "set -e\n\(script)\necho ready\nexec sleep 86400", "sandbox"] + arguments,
      output: output)
    func said() -> String { String(decoding: (try? readFile(output)) ?? [], as: UTF8.self) }
    let isReady = await comesAbout(within: .seconds(20)) { said().hasSuffix("ready\n") }
    guard isReady else { throw ProcessError(reason: "no sandbox: \(said())") }
  }

  /// The process that holds the namespaces.
  var id: pid_t { holder.id }

  /// What runs the command behind it in them.
  var prefix: [String] { ["/usr/bin/nsenter", "-t", "\(id)"] + flags }

  /// Runs a shell script in them, which has to end well.
  func run(_ script: String, _ arguments: String...) throws {
    let words = prefix + ["bash", "-c", "set -e\n" + script, "sandbox"] + arguments
    let status = try Program(words).wait()
    guard status == 0 else { throw ProcessError(reason: "\(words.joined(separator: " ")): \(status)") }
  }
}
