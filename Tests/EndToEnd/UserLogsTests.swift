// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

/// The logs half of a host's configuration as it was written for Alloy, against a receiver that is not ours.
@Suite(.enabled(if: JournalHost.isPossible, JournalHost.needs)) struct UserLogsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// What Nix makes of the text: the host's name and the hub's address are put in.
  private func configuration(_ name: String, _ receiver: LokiReceiver) throws -> String {
    try fixture(name).replacing("${config.networking.hostName}", with: "vm-1")
      .replacing("http://<HUB_TAILSCALE_IP>:3100/loki/api/v1/push", with: receiver.url)
  }

  /// Starts the agent where `host` has its journal and its `/var/log`.
  private func start(_ configuration: String, on host: JournalHost) throws -> ChildProcess {
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(configuration.utf8).span)
    return try ChildProcess([
      "/usr/bin/nsenter", "-t", "\(host.id)", "-m", AgentProcess.path, "run",
      "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0", file,
    ])
  }

  @Test func `journal entries arrive with the host's labels and their own time`() async throws {
    let host = try await JournalHost(in: directory.path)
    let receiver = try await LokiReceiver(in: directory)
    let before = wallClockNanoseconds()
    for number in 0..<50 { try host.write("entry \(number)") }
    let agent = try start(try configuration("nixos-logs.alloy", receiver), on: host)
    try await eventually("the first arrive") { try receiver.entries().count { $0.line.hasPrefix("entry ") } == 50 }
    for number in 50..<100 { try host.write("entry \(number)\nwith a second line, ü and \u{1}") }
    try await eventually("the others arrive") { try receiver.entries().count { $0.line.hasPrefix("entry ") } == 100 }
    agent.signal(SIGTERM)
    #expect(await agent.waitForExit() == 0)

    let entries = try receiver.entries().filter { $0.line.hasPrefix("entry ") }
    #expect(
      entries.map(\.line)
        == (0..<50).map { "entry \($0)" } + (50..<100).map { "entry \($0)\nwith a second line, ü and \u{1}" })
    #expect(entries.allSatisfy { $0.labels == #"{host="vm-1", job="systemd-journal"}"# })
    #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.timestampNanoseconds < $1.timestampNanoseconds })
    #expect(entries.allSatisfy { $0.timestampNanoseconds > before && $0.timestampNanoseconds < wallClockNanoseconds() })
    // Alloy refuses the text for two commas; here it is told, and works.
    #expect(agent.errors.contains("missing ',' in field list; the end of the line is taken for it"))
    await receiver.stop()
  }

  @Test func `lines of files below /var/log arrive with the file's name`() async throws {
    let host = try await JournalHost(in: directory.path)
    let log = "/proc/\(host.id)/root/var/log/journal"  // the host's own directory below /var/log
    try makeDirectory("\(log)/deep/er")
    try replaceFile("\(log)/one.log", with: Array("a 1\na 2\n".utf8).span)
    try replaceFile("\(log)/deep/er/two.log", with: Array("b 1\r\nb 2 without an end".utf8).span)
    try replaceFile("\(log)/deep/not.txt", with: Array("no\n".utf8).span)
    let receiver = try await LokiReceiver(in: directory)
    let agent = try start(try configuration("nixos-files.alloy", receiver), on: host)
    func ours() throws -> [LokiReceiver.Entry] {
      try receiver.entries().filter { $0.labels.contains("/var/log/journal/") }
    }
    try await eventually("what was there arrives") { try ours().count >= 3 }
    try append("a 3\n", to: "\(log)/one.log")
    try append(" but now\n", to: "\(log)/deep/er/two.log")
    try await eventually("what was added arrives") { try ours().count >= 5 }
    agent.signal(SIGTERM)
    #expect(await agent.waitForExit() == 0)
    let one = try ours().filter { $0.labels == #"{filename="/var/log/journal/one.log"}"# }
    let two = try ours().filter { $0.labels == #"{filename="/var/log/journal/deep/er/two.log"}"# }
    #expect(one.map(\.line) == ["a 1", "a 2", "a 3"])
    #expect(two.map(\.line) == ["b 1", "b 2 without an end but now"])
    #expect(try ours().count == 5)
    await receiver.stop()
  }
}

/// Appends `text` to the file at `path`.
func append(_ text: String, to path: String) throws {
  let file = try FileDescriptor(opening: path, flags: O_WRONLY | O_APPEND | O_CREAT, mode: 0o644)
  try file.write(Array(text.utf8).span)
}
