// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Hub
import Linux
import TestSupport
import Testing

/// Files below directories that the agent's user may not list.
@Suite(.serialized) struct UnreadableFilesTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func configuration(_ port: Int) -> String {
    """
    local.file_match "all" {
      path_targets = [{ __path__ = "\(directory.path("logs"))/**/*.log" }]
      sync_period  = "200ms"
    }
    loki.source.file "own" {
      targets    = [{ __path__ = "\(directory.path("logs"))/*/*.log" }]
      forward_to = [loki.write.hub.receiver]
      file_match {
        enabled     = true
        sync_period = "200ms"
      }
    }
    loki.source.file "one" {
      targets    = [{ __path__ = "\(directory.path("logs/one.txt"))" }]
      forward_to = [loki.write.hub.receiver]
    }
    loki.write "hub" {
      endpoint { url = "http://127.0.0.1:\(port)/loki/api/v1/push" }
    }
    """
  }

  private func write(_ text: String, to name: String, mode: mode_t = 0o644) throws {
    try replaceFile(directory.path(name), with: Array(text.utf8).span, mode: mode)
    chmod(directory.path(name), mode)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can be another user"))
  func `the health names them, and says so no more once they may be read`() async throws {
    chmod(directory.path, 0o755)
    for name in ["state", "logs", "logs/private", "logs/public"] {
      try makeDirectory(directory.path(name))
      chmod(directory.path(name), name == "logs/private" ? 0o700 : 0o755)
    }
    #expect(chown(directory.path("state"), 65534, 65534) == 0)
    try write("secret\n", to: "logs/private/a.log")
    try write("open\n", to: "logs/public/b.log")
    try write("closed\n", to: "logs/one.txt", mode: 0o600)
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    try write(configuration(hub.port), to: "config.alloy")
    let agent = AgentProcess(
      try ChildProcess([
        "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AgentProcess.path, "run",
        "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0",
        directory.path("config.alloy"),
      ]))
    let health = { String(decoding: try await agent.get("/-/healthy").body, as: UTF8.self) }
    let texts = { hub.streams().flatMap { $0.entries.map(\.text) } }
    await eventually("what may be read is") { texts() == ["open"] }
    let hidden = directory.path("logs/private")
    try await eventually("the health names all") {
      let lines = try await health().split(separator: "\n")
      return lines.contains { $0.hasPrefix("local.file_match.all:") && $0.contains(hidden) }
        && lines.contains { $0.hasPrefix("loki.source.file.own:") && $0.contains(hidden) }
        && lines.contains { $0.hasPrefix("loki.source.file.one:") && $0.contains("one.txt: Permission denied") }
    }
    chmod(hidden, 0o755)
    await eventually("the other arrives") { Set(texts()) == ["open", "secret"] }
    try await eventually("and only the file is left") {
      let text = try await health()
      return !text.contains(hidden) && text.contains("one.txt")
    }
    chmod(directory.path("logs/one.txt"), 0o644)
    await eventually("which can be read at once then") { texts().contains("closed") }
    try await eventually("nothing is left") { try await health().hasPrefix("All components are healthy") }
    await agent.stop()
    await hub.stop()
  }
}
