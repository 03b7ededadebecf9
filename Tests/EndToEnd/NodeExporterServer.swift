// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Glibc
import HTTP
import Linux

/// Debian's node_exporter, on a port it keeps when it is stopped and started again.
final class NodeExporterServer {
  static let path = "/usr/bin/prometheus-node-exporter"
  static var isInstalled: Bool { fileKind(path) == .regular }

  let port = freeFixedPort()
  private var process: ChildProcess?

  /// Starts it and waits until it answers.
  func start() async throws {
    let started = try ChildProcess([
      Self.path, "--web.listen-address=127.0.0.1:\(port)", "--collector.disable-defaults", "--collector.loadavg",
      "--collector.meminfo", "--collector.uname",
    ])
    process = started
    let answers = await comesAbout(within: .seconds(60)) {
      if started.hasEnded != nil { return true }
      return (try? await loopbackGet(port: port, "/metrics").status) == 200
    }
    guard answers, started.hasEnded == nil else {
      throw ProcessError(reason: "node_exporter does not start: \(started.errors)")
    }
  }

  /// Stops it, and waits until nobody listens any more.
  func stop() async {
    process?.signal(SIGKILL)
    _ = await process?.waitForExit()
    process = nil
  }
}
