// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import Runtime
import Telemetry
import TestSupport
import Testing

/// From files to a hub.
@Suite struct LokiSourceFileTests {
  private static let hub = """
    loki.write "hub" {
      endpoint {
        url        = "LOKI"
        batch_wait = "20ms"
      }
    }

    """

  /// One file at `DIR/logs/app.log`, and what the block says more.
  private func configuration(_ more: String = "", path: String = "DIR/logs/app.log", job: String = "app") -> String {
    """
    loki.source.file "read" {
      targets    = [{ __path__ = "\(path)", job = "\(job)" }]
      forward_to = [loki.write.hub.receiver]
      \(more)
    }

    """ + Self.hub
  }

  private func matching(_ target: String, _ more: String = "") -> String {
    """
    local.file_match "all" {
      path_targets = [{ \(target) }]
      sync_period  = "200ms"
      \(more)
    }
    loki.source.file "read" {
      targets    = local.file_match.all.targets
      forward_to = [loki.write.hub.receiver]
    }

    """ + Self.hub
  }

  private func pipeline(_ text: String) async throws -> Pipeline {
    let pipeline = try await Pipeline(text)
    try makeDirectory(pipeline.directory.path("logs"))
    return pipeline
  }

  // MARK: local.file_match

  @Test func `files that come and go are matched, and those that are excluded are not`() async throws {
    let pipeline = try await pipeline(
      matching("__path__ = \"DIR/logs/**/*.log\", __path_exclude__ = \"DIR/logs/**/no*\", job = \"all\""))
    try pipeline.append("one", to: "logs/a.log")
    try pipeline.append("never", to: "logs/no.log")
    try pipeline.append("never", to: "logs/other.txt")
    try await pipeline.controller.start()
    await eventually("the first arrives") { pipeline.texts == ["one"] }
    try makeDirectory(pipeline.directory.path("logs/deep"))
    try pipeline.append("two", to: "logs/deep/b.log")
    try pipeline.append("never", to: "logs/deep/nothing.log")
    await eventually("the next arrives") { pipeline.texts == ["one", "two"] }
    let files = { await pipeline.metric("loki_source_file_files_active_total") }
    await eventually("both are followed") { await files() == 2 }
    try removeFile(pipeline.path("logs/a.log"))
    await eventually("the removed one is not") { await files() == 1 }
    try pipeline.append("three", to: "logs/deep/b.log")
    try pipeline.append("four", to: "logs/a.log")
    await eventually("all arrive") { pipeline.texts.sorted() == ["four", "one", "three", "two"] }
    let labels = pipeline.hub.streams().map(\.labels)
    #expect(
      Set(labels) == [
        LabelSet(["filename": pipeline.path("logs/a.log"), "job": "all"]),
        LabelSet(["filename": pipeline.path("logs/deep/b.log"), "job": "all"]),
      ])
    await pipeline.stop()
  }

  @Test func `what was not written for long is not matched`() async throws {
    let pipeline = try await pipeline(matching("__path__ = \"DIR/logs/*.log\"", "ignore_older_than = \"1h\""))
    try pipeline.append("old", to: "logs/old.log")
    try pipeline.append("new", to: "logs/new.log")
    let hours = timespec(tv_sec: time(nil) - 7200, tv_nsec: 0)
    #expect(utimensat(AT_FDCWD, pipeline.path("logs/old.log"), [hours, hours], 0) == 0)
    try await pipeline.controller.start()
    await eventually("the new one arrives") { pipeline.texts == ["new"] }
    try pipeline.append("old again", to: "logs/old.log")
    await eventually("once it is written it is read") { Set(pipeline.texts) == ["new", "old", "old again"] }
    await pipeline.stop()
  }

  // MARK: Targets

  @Test func `a file_match block finds files itself`() async throws {
    let pipeline = try await pipeline(
      configuration("file_match {\n enabled = true\n sync_period = \"200ms\"\n }", path: "DIR/logs/*.log"))
    try pipeline.append("one", to: "logs/a.log")
    try await pipeline.controller.start()
    await eventually("the first arrives") { pipeline.texts == ["one"] }
    try pipeline.append("two", to: "logs/b.log")
    await eventually("the next arrives") { pipeline.texts == ["one", "two"] }
    await pipeline.stop()
  }

  @Test func `a pattern that nothing expands shows in the health`() async throws {
    let pipeline = try await pipeline(configuration(path: "DIR/logs/*.log"))
    try pipeline.append("one", to: "logs/a.log")
    try await pipeline.controller.start()
    await eventually("it is unhealthy") {
      await pipeline.problem(of: "loki.source.file.read")?.contains("file_match") == true
    }
    try pipeline.write(configuration("file_match { enabled = true }", path: "DIR/logs/*.log"))
    try await pipeline.controller.reload()
    await eventually("it arrives") { pipeline.texts == ["one"] }
    #expect(await pipeline.problem(of: "loki.source.file.read") == nil)
    await pipeline.stop()
  }

  @Test func `other labels after a reload are those of the lines that come, and nothing is read again`() async throws {
    let pipeline = try await pipeline(configuration())
    try pipeline.append("one", to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("the first arrives") { pipeline.texts == ["one"] }
    try pipeline.write(configuration(job: "other"))
    try await pipeline.controller.reload()
    try await eventually("lines have the other label") {
      try pipeline.append("next", to: "logs/app.log")
      return pipeline.hub.streams().contains { $0.labels["job"] == "other" }
    }
    #expect(pipeline.texts.count { $0 == "one" } == 1)
    await pipeline.stop()
  }

  @Test func `files behind links are read once, also when the link comes later`() async throws {
    let pipeline = try await pipeline(matching("__path__ = \"DIR/logs/containers/*.log\""))
    for name in ["pods", "pods/a", "containers"] { try makeDirectory(pipeline.path("logs/\(name)")) }
    try pipeline.append("one", to: "logs/pods/a/0.log")
    #expect(symlink(pipeline.path("logs/pods/a/0.log"), pipeline.path("logs/containers/a.log")) == 0)
    #expect(symlink("../pods/a/0.log", pipeline.path("logs/containers/same.log")) == 0)
    try await pipeline.controller.start()
    await eventually("it arrives") { pipeline.texts == ["one"] }
    try pipeline.append("two", to: "logs/pods/a/0.log")
    try renameFile(pipeline.path("logs/pods/a/0.log"), to: pipeline.path("logs/pods/a/0.log.20260101-000000"))
    try pipeline.append("three", to: "logs/pods/a/0.log")
    await eventually("the rotated one too") { pipeline.texts == ["one", "two", "three"] }
    try makeDirectory(pipeline.path("logs/pods/b"))
    try pipeline.append("four", to: "logs/pods/b/0.log")
    #expect(symlink("../pods/b/0.log", pipeline.path("logs/containers/b.log")) == 0)
    await eventually("the next container too") { pipeline.texts.contains("four") }
    try pipeline.append("five", to: "logs/pods/b/0.log")
    await eventually("and what it says then") { pipeline.texts.contains("five") }
    #expect(pipeline.texts.count == 5)
    await pipeline.stop()
  }

  // MARK: Where reading begins

  @Test func `with tail_from_end a file that was there is passed over and one that comes is not`() async throws {
    let pipeline = try await pipeline(
      configuration(
        "tail_from_end = true\n file_match {\n enabled = true\n sync_period = \"200ms\"\n }", path: "DIR/logs/*"))
    try pipeline.append("old", to: "logs/a.log")
    let tick = fileClockNanoseconds()
    await eventually("time passes") { fileClockNanoseconds() > tick }
    try await pipeline.controller.start()
    await eventually("it is followed") { await pipeline.metric("loki_source_file_files_active_total") == 1 }
    try pipeline.append("new", to: "logs/a.log")
    try pipeline.append("all of it", to: "logs/b.log")
    await eventually("both arrive") { Set(pipeline.texts) == ["new", "all of it"] }
    await pipeline.stop()
  }

  @Test(arguments: [
    ("state/loki.source.file.read/positions.yml", "? path: DIR/logs/app.log\n    labels: '{job=\"app\"}'\n  : \"8\""),
    ("promtail.yaml", "DIR/logs/app.log: \"8\""),
  ]) func `what another agent sent is not sent again`(file: String, position: String) async throws {
    let pipeline = try await pipeline(configuration("legacy_positions_file = \"DIR/promtail.yaml\""))
    try makeDirectory(parent(of: pipeline.path(file)))
    let text = "positions:\n  " + position.replacing("DIR", with: pipeline.directory.path) + "\n"
    try replaceFile(pipeline.path(file), with: Array(text.utf8).span)
    for line in ["one", "two", "three"] { try pipeline.append(line, to: "logs/app.log") }
    try await pipeline.controller.start()
    await eventually("the rest arrives") { pipeline.texts == ["three"] }
    try pipeline.append("four", to: "logs/app.log")
    try pipeline.write(configuration("legacy_positions_file = \"DIR/promtail.yaml\"\n file_watch { }"))
    try await pipeline.controller.reload()
    await eventually("then what is new") { pipeline.texts == ["three", "four"] }
    await pipeline.stop()
  }

  // MARK: Archives

  @Test func `of an archive another agent had begun, the lines it sent are passed over`() async throws {
    let archives = "decompression {\n enabled = true\n format = \"gz\"\n }\n legacy_positions_file = \"DIR/old.yaml\""
    let pipeline = try await pipeline(configuration(archives, path: "DIR/logs/app.gz"))
    let lines = (0..<20_000).map { "line \($0) of the archive, \(String($0 &* 2_654_435_761, radix: 36))" }
    try pipeline.append(lines.joined(separator: "\n"), to: "logs/app")
    try Program.run("gzip", pipeline.path("logs/app"))
    try renameFile(pipeline.path("logs/app.gz"), to: pipeline.path("logs/later"))
    let positions = "positions:\n  \(pipeline.path("logs/app.gz")): \"19990\"\n"
    try replaceFile(pipeline.path("old.yaml"), with: Array(positions.utf8).span)
    try renameFile(pipeline.path("logs/later"), to: pipeline.path("logs/app.gz"))
    try await pipeline.controller.start()
    await eventually("the rest arrives") { pipeline.texts == Array(lines[19_990...]) }
    try pipeline.write(configuration(archives + "\n file_watch { }", path: "DIR/logs/app.gz"))
    try await pipeline.controller.reload()
    await eventually("it is followed again") { await pipeline.metric("loki_source_file_files_active_total") == 1 }
    #expect(pipeline.texts.count == 10)
    await pipeline.stop()
  }

  @Test func `an archive waits for its delay, and keeps no other waiting`() async throws {
    let text =
      """
      loki.source.file "soon" {
        targets    = [{ __path__ = "DIR/logs/a.gz" }]
        forward_to = [loki.write.hub.receiver]
        decompression {
          enabled       = true
          format        = "gz"
          initial_delay = "300ms"
        }
      }

      """
      + configuration(
        "decompression {\n enabled = true\n format = \"gz\"\n initial_delay = \"1h\"\n }", path: "DIR/logs/b.gz")
    let pipeline = try await pipeline(text)
    for name in ["a", "b"] {
      try pipeline.append(name, to: "logs/\(name)")
      try Program.run("gzip", pipeline.path("logs/\(name)"))
    }
    let began = monotonicNanoseconds()
    try await pipeline.controller.start()
    await eventually("the first arrives") { pipeline.texts == ["a"] }
    #expect(monotonicNanoseconds() - began >= 300_000_000)
    await eventually("the other is known") {
      await pipeline.metric("loki_source_file_files_active_total", ["component_id": "loki.source.file.read"]) == 1
    }
    #expect(pipeline.texts == ["a"])
    await pipeline.stop()
  }

  @Test func `archives a pattern stands for are not read as text, and are counted`() async throws {
    let pipeline = try await pipeline(
      configuration("file_match { enabled = true }", path: "DIR/logs/*.log*"))
    try pipeline.append("packed", to: "logs/app.log.2")
    try Program.run("gzip", pipeline.path("logs/app.log.2"))
    try pipeline.append("packed too", to: "logs/old.log")
    try Program.run("bzip2", pipeline.path("logs/old.log"))
    try pipeline.append("plain", to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("the file arrives") { pipeline.texts == ["plain"] }
    await eventually("the archives are counted") {
      await pipeline.metric("spoke_source_archives_not_read") == 2
    }
    #expect(await pipeline.problem(of: "loki.source.file.read") == nil)
    #expect(pipeline.texts == ["plain"])
    await pipeline.stop()
  }

  // MARK: Lines

  @Test(
    arguments: [
      ("utf-16le", [0x68, 0, 0xe9, 0, 0x0d, 0, 0x0a, 0, 0x21, 0x26, 0x0a, 0], ["hé", "☡"]),
      ("utf-16", [0xff, 0xfe, 0x68, 0, 0x0a, 0, 0x69, 0, 0x0a, 0], ["h", "i"]),
      ("", [0xfe, 0xff, 0, 0x68, 0, 0x0a, 0, 0x69, 0, 0x0a], ["h", "i"]),
      ("latin1", [0xe4, 0xf6, 0x0d, 0x0a, 0xfc, 0x0a], ["äö", "ü"]),
      ("", [0x61, 0x0d, 0x0a, 0x0d, 0x0a, 0xff, 0x0a], ["a", "", "\u{fffd}"]),
    ] as [(String, [UInt8], [String])]) func `lines arrive as UTF-8 without their ends`(
      encoding: String, bytes: [UInt8], expected: [String]
    ) async throws
  {
    let pipeline = try await pipeline(configuration("encoding = \"\(encoding)\""))
    // In two pieces, with the cut inside a character or a line end.
    let half = bytes.count / 2 + 1
    try pipeline.append(Array(bytes[..<half]), to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("it is followed") { await pipeline.metric("loki_source_file_files_active_total") == 1 }
    try pipeline.append(Array(bytes[half...]), to: "logs/app.log")
    await eventually("all arrive") { pipeline.texts.count >= expected.count }
    #expect(pipeline.texts == expected)
    await pipeline.stop()
  }

  @Test func `a line without its end is held, and delivered once its file was set aside`() async throws {
    let pipeline = try await pipeline(configuration())
    try pipeline.append(Array("one\ntwo".utf8), to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("the whole line arrives") { pipeline.texts == ["one"] }
    try renameFile(pipeline.path("logs/app.log"), to: pipeline.path("logs/app.log.1"))
    try pipeline.append("three", to: "logs/app.log")
    await eventually("the rest arrives") { pipeline.texts == ["one", "two", "three"] }
    await pipeline.stop()
  }

  @Test func `a file that is removed while somebody writes to it is read to its end`() async throws {
    let pipeline = try await pipeline(configuration())
    try pipeline.append("one", to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("the first arrives") { pipeline.texts == ["one"] }
    let writer = try FileDescriptor(opening: pipeline.path("logs/app.log"), flags: O_WRONLY | O_APPEND)
    try removeFile(pipeline.path("logs/app.log"))
    try writer.write(Array("two\n".utf8).span)
    await eventually("what came after arrives") { pipeline.texts == ["one", "two"] }
    await pipeline.stop()
  }

  @Test func `lines too long are cut, NULs left out, and both counted`() async throws {
    let pipeline = try await pipeline(configuration())
    try pipeline.append(String(repeating: "x", count: 300 << 10), to: "logs/app.log")
    try pipeline.append(
      Array("a\0b\n".utf8) + [UInt8](repeating: 0, count: 100) + Array("c\n".utf8), to: "logs/app.log")
    try await pipeline.controller.start()
    await eventually("all arrive") { pipeline.texts.count == 3 }
    let texts = pipeline.texts
    #expect(texts[0].utf8.count == 256 << 10 && texts[0].hasSuffix("x [cut]"))
    #expect(Array(texts[1...]) == ["ab", "c"])
    await eventually("it is counted") { await pipeline.metric("spoke_source_lines_cut_total") == 1 }
    #expect(await pipeline.metric("spoke_source_nul_bytes_total") == 101)
    await pipeline.stop()
  }
}

extension Pipeline {
  fileprivate var texts: [String] {
    hub.streams().flatMap(\.entries).sorted { $0.timestampNanoseconds < $1.timestampNanoseconds }.map(\.text)
  }

  fileprivate func path(_ name: String) -> String { directory.path(name) }

  fileprivate func append(_ line: String, to name: String) throws { try append(Array("\(line)\n".utf8), to: name) }

  fileprivate func append(_ bytes: [UInt8], to name: String) throws {
    try FileDescriptor(opening: path(name), flags: O_WRONLY | O_CREAT | O_APPEND).write(bytes.span)
  }

  /// What is wrong with a component; nil when nothing is.
  fileprivate func problem(of id: String) async -> String? {
    for status in await controller.statuses where status.id == id {
      if case .unhealthy(let reason) = status.health { return reason }
    }
    return nil
  }
}
