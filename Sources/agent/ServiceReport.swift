// SPDX-License-Identifier: Apache-2.0

import HTTP
import Linux
import Runtime
import Status

/// Finds out every few seconds how the agent is, for systemd where there is one, and for `/-/ready`.
///
/// Alive means: the thread of the connections, the graph of components, each queue's thread, each source's and the
/// collectors' answer in half the time systemd gives, or in a minute. A hub that hangs is no reason to be killed, for
/// nothing of this waits for it.
struct ServiceReport {
  let manager: ServiceManager?
  let agent: Agent

  private static let interval = Duration.seconds(10)

  func run() async {
    var told = ""
    var isWorried = false
    // Half the time for the answers, and a quarter between two questions: late is not dead.
    let limit = manager?.watchdogInterval.map { $0 / 2 } ?? .seconds(60)
    let pause = manager == nil ? limit / 2 : min(Self.interval, limit / 2)
    while !Task.isCancelled {
      await agent.network.answer()
      let checkup = await agent.controller.checkup(within: limit)
      agent.server.report(stuck: checkup.stuck)
      if checkup.stuck.isEmpty {
        manager?.alive()
      } else if !isWorried {
        agent.log.error(
          manager?.watchdogInterval == nil
            ? "parts of the agent do not answer" : "parts of the agent do not answer; systemd will restart it",
          ("components", checkup.stuck.joined(separator: ",")))
      }
      isWorried = !checkup.stuck.isEmpty
      if let manager {
        let text = statusLine(checkup, await agent.controller.statuses, now: wallClockMilliseconds())
        if text != told { manager.status(text) }
        told = text
      }
      try? await Task.sleep(for: pause)
    }
  }
}

/// `running; 1203 items (2.1 MiB) wait, 35 s behind; unhealthy: loki.write.hub`.
func statusLine(_ checkup: Checkup, _ components: [ComponentStatus], now: Int64) -> String {
  var parts = ["running"]
  let total = checkup.total
  if total.pendingItems == 0 {
    parts.append("nothing waits")
  } else {
    let behind = total.oldestTimestampMilliseconds.map { ", \(roughly(seconds: (now - $0) / 1000)) behind" } ?? ""
    parts.append("\(total.pendingItems) items wait (\(roughly(bytes: total.queueBytes)) on disk)\(behind)")
  }
  let unhealthy = components.filter { if case .unhealthy = $0.health { true } else { false } }.map(\.id)
  if !unhealthy.isEmpty { parts.append("unhealthy: \(unhealthy.joined(separator: ", "))") }
  if !checkup.stuck.isEmpty { parts.append("no answer from: \(checkup.stuck.joined(separator: ", "))") }
  return parts.joined(separator: "; ")
}

private func roughly(seconds: Int64) -> String {
  switch max(0, seconds) {
  case ..<120: "\(max(0, seconds)) s"
  case ..<7200: "\(seconds / 60) min"
  default: "\(seconds / 3600) h"
  }
}

private func roughly(bytes: Int64) -> String {
  bytes < 1 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
}
