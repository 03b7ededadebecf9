// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Runtime
import Telemetry
import TestSupport
import Testing

/// As many files as a large host has.
@Suite struct ManyFilesTests {
  private static let count = 10_000

  private func configuration(_ more: String = "") -> String {
    """
    local.file_match "all" {
      path_targets = [{ __path__ = "DIR/logs/**/*.log" }]
    }
    loki.source.file "read" {
      targets    = local.file_match.all.targets
      forward_to = [loki.relabel.one_stream.receiver]
      \(more)
    }
    loki.relabel "one_stream" {
      forward_to = [loki.write.hub.receiver]
      rule {
        action       = "replace"
        target_label = "job"
        replacement  = "many"
      }
      rule {
        action = "labeldrop"
        regex  = "filename"
      }
    }
    loki.write "hub" {
      endpoint {
        url        = "LOKI"
        batch_wait = "20ms"
      }
      \(more.isEmpty ? "" : "external_labels = { again = \"yes\" }")
    }
    """
  }

  @Test func `lines of ten thousand files arrive once, with few descriptors, also after a restart`() async throws {
    let pipeline = try await Pipeline(configuration())
    try makeDirectory(pipeline.directory.path("logs"))
    for number in 0..<Self.count {
      if number % 100 == 0 { try makeDirectory(pipeline.directory.path("logs/\(number / 100)")) }
      try write("\(number)", number, pipeline)
    }
    let before = ProcessUsage().openFiles
    try await pipeline.controller.start()
    await eventually("all arrive") { lines(pipeline) >= Self.count }
    #expect(ProcessUsage().openFiles - before < 150)
    try pipeline.write(configuration("tail_from_end = false"))
    try await pipeline.controller.reload()
    try write("last", 4711, pipeline)
    await eventually("what is new arrives") { lines(pipeline) > Self.count }
    let texts = pipeline.hub.streams().flatMap { $0.entries.map(\.text) }
    #expect(texts.count == Self.count + 1)
    #expect(Set(texts) == Set((0..<Self.count).map { "\($0)" } + ["last"]))
    await pipeline.stop()
  }

  private func lines(_ pipeline: Pipeline) -> Int { pipeline.hub.streams().reduce(0) { $0 + $1.entries.count } }

  private func write(_ line: String, _ number: Int, _ pipeline: Pipeline) throws {
    let path = pipeline.directory.path("logs/\(number / 100)/\(number).log")
    try FileDescriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND).write(Array("\(line)\n".utf8).span)
  }
}
