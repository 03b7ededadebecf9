// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

/// The built program, as a user starts it.
final class AgentProcess: Sendable {
  /// The program beside this test's own, or the one that `AGENT` names.
  static let path: String = {
    if let chosen = environmentVariable("AGENT") { return chosen }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return parent(of: own) + "/agent"
  }()

  /// How a command ended and what it printed.
  struct Outcome {
    var status: Int32?
    var output: String
    var errors: String
  }

  let process: ChildProcess

  /// One that was started in another way.
  init(_ process: ChildProcess) { self.process = process }

  /// Starts it with any arguments.
  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    process = try ChildProcess([Self.path] + arguments, environment: environment)
  }

  /// Starts `agent run` on a configuration, its file and its state in `directory`, and waits until it is ready.
  ///
  /// The state is what an earlier one in the same directory left; the port of its own HTTP server is any free one.
  static func run(
    _ configuration: String, in directory: TemporaryDirectory, flags: [String] = []
  ) async throws -> AgentProcess {
    let agent = try start(configuration, in: directory, flags: flags)
    try await agent.waitForLine("msg=running")
    return agent
  }

  /// The same, without waiting. `prefix` is a command that runs it in some place or manner: `["/usr/bin/nsenter", …]`.
  static func start(
    _ configuration: String, in directory: TemporaryDirectory, flags: [String] = [], prefix: [String] = [],
    environment: [String: String] = [:]
  ) throws -> AgentProcess {
    let file = directory.path("config.alloy")
    try replaceFile(file, with: Array(configuration.utf8).span)
    let run = ["run", "--storage.path=\(directory.path("state"))", "--server.http.listen-addr=127.0.0.1:0"]
    return AgentProcess(try ChildProcess(prefix + [path] + run + flags + [file], environment: environment))
  }

  /// Runs a command to its end.
  static func command(
    _ arguments: [String], environment: [String: String] = [:], within limit: Duration = .seconds(60)
  ) async throws -> Outcome {
    let agent = try AgentProcess(arguments, environment: environment)
    let status = await agent.process.waitForExit(within: limit)
    return Outcome(status: status, output: agent.process.output, errors: agent.process.errors)
  }

  /// Its log, so far.
  var log: String { process.errors }

  /// Waits for a line of its log with `text` in it.
  @discardableResult
  func waitForLine(
    _ text: String, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let found = await comesAbout(within: limit) { line(with: text) != nil || process.hasEnded != nil }
    guard found, let line = line(with: text) else {
      let end = process.hasEnded.map { "it ended with \($0)" } ?? "it still runs"
      Issue.record("never logged \"\(text)\"; \(end):\n\(log)", sourceLocation: sourceLocation)
      throw ProcessError(reason: "no line with \"\(text)\"")
    }
    return line
  }

  private func line(with text: String) -> String? {
    log.split(separator: "\n").first { $0.contains(text) }.map(String.init)
  }

  /// Sends it a signal.
  func signal(_ number: Int32) { process.signal(number) }

  /// Kills it as a lack of memory would: it gets no chance to say or to save anything.
  func killAtOnce() async {
    process.signal(SIGKILL)
    #expect(await process.waitForExit() == -SIGKILL)
  }

  /// Asks it to stop, and expects that it does so in order.
  func stop(sourceLocation: SourceLocation = #_sourceLocation) async {
    process.signal(SIGTERM)
    #expect(await process.waitForExit() == 0, "\(log)", sourceLocation: sourceLocation)
  }

  /// The port of its own HTTP server, as its log tells.
  func port() async throws -> Int {
    // … msg=listening address=127.0.0.1:41234
    let line = try await waitForLine("msg=listening")
    guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else {
      throw ProcessError(reason: "no port in \(line)")
    }
    return port
  }

  /// The page its own HTTP server has at `path`.
  func get(_ path: String) async throws -> HTTPResponse { try await loopbackGet(port: port(), path) }

  /// Its own metrics, by series as they are written: `name{label="value"}`.
  func metrics() async throws -> [String: Double] { try await metrics(port: port()) }

  /// The same, where another port leads to its server.
  func metrics(port: Int) async throws -> [String: Double] {
    let page = String(decoding: try await loopbackGet(port: port, "/metrics").body, as: UTF8.self)
    var values: [String: Double] = [:]
    for line in page.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      values[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return values
  }
}

/// A process that does not do what a test needs it to.
struct ProcessError: Error {
  var reason: String
}

extension [String: Double] {
  /// The sum of all series of one name.
  func sum(_ name: String) -> Double {
    filter { $0.key == name || $0.key.hasPrefix(name + "{") }.reduce(0) { $0 + $1.value }
  }
}
