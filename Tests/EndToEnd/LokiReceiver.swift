// SPDX-License-Identifier: Apache-2.0

import Linux
import TestSupport
import Testing

/// A receiver of log pushes that decodes them with libraries that are not ours: `Fixtures/loki-receiver.py`.
final class LokiReceiver: Sendable {
  /// A line that arrived.
  struct Entry: Hashable {
    /// The labels as Loki writes them.
    var labels: String
    var timestampNanoseconds: Int64
    var line: String
  }

  let url: String
  private let process: ChildProcess
  private let file: String

  /// Starts it with what it keeps in `directory`.
  init(in directory: TemporaryDirectory) async throws {
    file = directory.path("received.json")
    process = try ChildProcess(["/usr/bin/python3", "\(parent(of: #filePath))/Fixtures/loki-receiver.py", file])
    let process = process
    await eventually("the receiver listens") { process.output.hasSuffix("\n") || process.hasEnded != nil }
    let port = try #require(Int(process.output.split(separator: "\n").first ?? ""), "\(process.errors)")
    url = "http://127.0.0.1:\(port)/loki/api/v1/push"
  }

  /// What has arrived, in order.
  func entries() throws -> [Entry] {
    guard fileKind(file) != nil else { return [] }
    return try readFile(file, limit: 256 << 20).split(separator: 0x0a).compactMap { line in
      guard let json = JSON(Array(line)), let labels = json["labels"]?.string, let text = json["line"]?.string,
        let time = json["ts"]?.string.flatMap({ Int64($0) })
      else { return nil }
      return Entry(labels: labels, timestampNanoseconds: time, line: text)
    }
  }

  func stop() async {
    process.signal(15)
    _ = await process.waitForExit()
  }
}
