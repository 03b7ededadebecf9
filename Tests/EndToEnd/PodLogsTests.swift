// SPDX-License-Identifier: Apache-2.0

import Hub
import Linux
import Telemetry
import TestSupport
import Testing

/// Log files as the kubelet and containerd write them below `/var/log/pods`.
@Suite(.serialized) struct PodLogsTests {
  private let directory: TemporaryDirectory
  private let pod: String

  init() throws {
    directory = try TemporaryDirectory()
    pod = directory.path("pods/shop_web-5d4f_0f6b2c1e-8a1f-4f7e-9f53-3f0a6f0e2c11/nginx")
    try makeDirectory(pod)
  }

  private func configuration(_ port: Int) -> String {
    """
    local.file_match "pods" {
      path_targets = [{ __path__ = "\(directory.path("pods"))/*/*/*.log" }]
      sync_period  = "1s"
    }

    discovery.relabel "pods" {
      targets = local.file_match.pods.targets

      rule {
        source_labels = ["__path__"]
        regex         = ".*/pods/([^_]+)_([^_]+)_[^/]+/([^/]+)/[0-9]+\\\\.log"
        target_label  = "namespace"
        replacement   = "$1"
      }
      rule {
        source_labels = ["__path__"]
        regex         = ".*/pods/([^_]+)_([^_]+)_[^/]+/([^/]+)/[0-9]+\\\\.log"
        target_label  = "pod"
        replacement   = "$2"
      }
      rule {
        source_labels = ["__path__"]
        regex         = ".*/pods/([^_]+)_([^_]+)_[^/]+/([^/]+)/[0-9]+\\\\.log"
        target_label  = "container"
        replacement   = "$3"
      }
    }

    loki.source.file "pods" {
      targets    = discovery.relabel.pods.output
      forward_to = [loki.process.pods.receiver]
    }

    loki.process "pods" {
      forward_to = [loki.write.hub.receiver]

      stage.cri { }

      stage.label_drop {
        values = ["filename"]
      }
    }

    loki.write "hub" {
      endpoint {
        url = "http://127.0.0.1:\(port)/loki/api/v1/push"
      }
    }

    """
  }

  /// A line as containerd writes it.
  private func cri(_ second: Int, _ stream: String, _ tag: String, _ text: String) -> String {
    "\(day)T10:00:\(second < 10 ? "0" : "")\(second).123456789Z \(stream) \(tag) \(text)\n"
  }

  private let day = String(rfc3339(nanoseconds: wallClockNanoseconds() - 86_400_000_000_000).prefix(10))

  @Test func `lines of containers arrive whole, with their own time and the labels of their path`() async throws {
    let hub = try await EmbeddedHub.start(on: loopbackNetwork)
    try append(
      cri(1, "stdout", "F", "first") + cri(2, "stdout", "P", "second, ") + cri(2, "stderr", "F", "oops")
        + cri(3, "stdout", "P", "in three ") + cri(4, "stdout", "F", "parts"), to: "\(pod)/0.log")
    let agent = try await AgentProcess.run(configuration(hub.port), in: directory)
    func lines(_ stream: String) -> [String] {
      hub.streams().filter { $0.labels["stream"] == stream }.flatMap { $0.entries.map(\.text) }
    }
    await eventually("what was there arrives") { lines("stdout").count == 2 && lines("stderr").count == 1 }
    // As the kubelet rotates: renamed, still written to, then begun anew; a line is in the middle of its parts.
    try append(cri(5, "stdout", "P", "begun before "), to: "\(pod)/0.log")
    try renameFile("\(pod)/0.log", to: "\(pod)/0.log.20260101-000000")
    try append(cri(6, "stdout", "F", "and ended after"), to: "\(pod)/0.log.20260101-000000")
    try append(cri(7, "stdout", "F", "anew"), to: "\(pod)/0.log")
    // A container that was started again.
    try append(cri(8, "stdout", "F", "again"), to: "\(pod)/1.log")
    await eventually("what was added arrives") { lines("stdout").count == 5 }
    #expect(
      Set(lines("stdout")) == ["first", "second, in three parts", "begun before and ended after", "anew", "again"])
    #expect(lines("stderr") == ["oops"])
    for stream in hub.streams() {
      #expect(stream.labels["namespace"] == "shop" && stream.labels["pod"] == "web-5d4f")
      #expect(stream.labels["container"] == "nginx" && stream.labels.labels.count == 4)
    }
    let times = hub.streams().flatMap { $0.entries.map { rfc3339(nanoseconds: $0.timestampNanoseconds) } }
    #expect(times.allSatisfy { $0.hasPrefix("\(day)T10:00:0") && $0.hasSuffix(".123456Z") }, "\(times)")
    await agent.stop()
    await hub.stop()
  }
}
