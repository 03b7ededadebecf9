// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// Every kind of rotation at random moments, while the agent runs, is stopped, is killed, and stands still.
///
/// `SPOKE_ROTATIONS` says how many there are; `SPOKE_SEED` repeats what a failure did, as far as the moments allow.
@Suite(.serialized) struct FileRotationTests {
  @Test func `each line of rotated files is at the hub once, whatever becomes of the agent`() async throws {
    let seed = environmentVariable("SPOKE_SEED").flatMap { UInt64($0) } ?? .random(in: 1...1_000_000)
    let rotations = environmentVariable("SPOKE_ROTATIONS").flatMap { Int($0) } ?? 200
    var options = HubOptions()
    options.windowBytes = 1 << 30
    let hub = try await EmbeddedHub.start(on: loopbackNetwork, options: options)
    var day = try RotationDay(seed: seed, hub: hub)
    try await day.run(rotations: rotations)
    print("rotations: seed \(seed): \(day.summary)")
    await hub.stop()
  }
}

/// Four logs, a program that writes and rotates them, and an agent that comes and goes.
private struct RotationDay {
  private enum Agent: Equatable {
    case runs
    case stands
    case away
  }

  /// What is between a file's making and its end; the lines of one are in order.
  private struct Line: Hashable {
    var generation: Int
    var number: Int
  }

  private static let retention = 8

  private let directory: TemporaryDirectory
  private let hub: EmbeddedHub
  private let seed: UInt64
  private let logs: [String]
  private var random: SplitMix64
  private var process: AgentProcess?
  private var agent = Agent.away
  private var written = 0
  /// The time in the names of those set aside.
  private var second = 100_000
  private var generations: [String: Int] = [:]
  /// How many lines each generation has.
  private var lines: [Int] = []
  private var story: [String] = []
  /// Where in the story each generation began, and of which log it is.
  private var begun: [(log: String, place: Int)] = []
  private var counts: [String: Int] = [:]

  init(seed: UInt64, hub: EmbeddedHub) throws {
    directory = try TemporaryDirectory()
    self.hub = hub
    self.seed = seed
    random = SplitMix64(seed: seed)
    for name in ["plain", "glob"] {
      try makeDirectory(directory.path(name))
      // Others' files, so that looking through the directory takes its time.
      for number in 0..<40 { try append("", to: directory.path("\(name)/other.\(number)")) }
    }
    logs = ["plain/a.log", "plain/b.log", "glob/c.log", "glob/d.log"]
  }

  var summary: String {
    "\(written) lines, " + counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }

  private var configuration: String {
    """
    loki.source.file "plain" {
      targets = [
        { __path__ = "\(directory.path("plain/a.log"))" },
        { __path__ = "\(directory.path("plain/b.log"))" },
      ]
      forward_to = [loki.write.hub.receiver]
    }

    local.file_match "all" {
      path_targets = [{ __path__ = "\(directory.path("glob"))/*.log" }]
    }

    loki.source.file "all" {
      targets    = local.file_match.all.targets
      forward_to = [loki.write.hub.receiver]
    }

    loki.write "hub" {
      endpoint {
        url        = "http://127.0.0.1:\(hub.port)/loki/api/v1/push"
        batch_wait = "50ms"
      }
    }

    """
  }

  mutating func run(rotations: Int) async throws {
    for log in logs { try begin(log) }
    try await start()
    for log in logs { try write(log) }
    // A file made before its path was ever looked at is nobody's.
    try await letRead()
    var done = 0
    while done < rotations {
      switch random.below(100) {
      case 0..<45: try write(random.below(logs.count))
      case 45..<85:
        try await rotate(random.below(logs.count))
        done += 1
      case 85..<96: try await Task.sleep(for: .milliseconds(random.below(40)))
      default: try await changeAgent()
      }
    }
    try await wake()
    try await letRead()
    // Whatever comes twice comes now.
    try await Task.sleep(for: .milliseconds(500))
    await stop()
    check()
  }

  // MARK: The agent

  private mutating func changeAgent() async throws {
    switch (agent, random.below(3)) {
    case (.runs, 0):
      note("stop")
      await stop()
    case (.runs, 1):
      note("kill")
      await process?.killAtOnce()
      agent = .away
    case (.runs, _):
      note("pause")
      process?.signal(SIGSTOP)
      agent = .stands
    default: try await wake()
    }
  }

  private mutating func wake() async throws {
    switch agent {
    case .runs: break
    case .stands:
      note("go on")
      process?.signal(SIGCONT)
      agent = .runs
    case .away: try await start()
    }
  }

  private mutating func start() async throws {
    note("start")
    process = try AgentProcess.start(configuration, in: directory)
    agent = .runs
    // At times it meets rotations while it starts.
    if random.chance(50) { try await process?.waitForLine("msg=running") }
  }

  private mutating func stop() async {
    // Early in its life it has not begun to listen to the signal.
    let isStarting = process?.log.contains("msg=running") == false
    process?.signal(SIGTERM)
    let end = await process?.process.waitForExit()
    #expect(end == 0 || (isStarting && end == -SIGTERM), "seed \(seed): \(process?.log ?? "")")
    agent = .away
  }

  // MARK: The writer

  private mutating func write(_ log: Int) throws { try write(logs[log]) }

  private mutating func write(_ log: String, to name: String? = nil) throws {
    guard let generation = generations[log] else { return }
    var text = ""
    for _ in 0...random.below(5) {
      let length = random.below(random.chance(5) ? 3000 : 60)
      text += "\(generation) \(lines[generation]) \(String(repeating: "x", count: length))\n"
      lines[generation] += 1
      written += 1
    }
    story.append("write \(generation) up to \(lines[generation] - 1)")
    try append(text, to: directory.path(name ?? log))
  }

  /// A new file, empty.
  private mutating func begin(_ log: String, as name: String? = nil) throws {
    generations[log] = lines.count
    begun.append((log, story.count))
    lines.append(0)
    try append("", to: directory.path(name ?? log))
  }

  private mutating func rotate(_ number: Int) async throws {
    let log = logs[number]
    switch random.below(16) {
    case 0..<3:
      // The program hears of it later, and nothing is at the path until then.
      note("rename early", log)
      let aside = try shift(log)
      for _ in 0...random.below(3) {
        if random.chance(10) { try await changeAgent() }
        try write(log, to: aside)
        try await Task.sleep(for: .milliseconds(random.below(random.chance(10) ? 150 : 5)))
      }
      try begin(log)
    case 3..<6:
      note("rename", log)
      try shift(log)
      try begin(log)
    case 6..<9:
      note("rename twice", log)
      try shift(log)
      try begin(log)
      if random.chance(70) { try write(log) }
      try shift(log)
      try begin(log)
      if random.chance(50) { try write(log) }
    case 9..<12:
      note("copytruncate", log)
      try copyAndTruncate(log)
    case 12..<15:
      // The old file keeps a name, else what was not read of it is lost to everybody.
      note("replace", log)
      try begin(log, as: "\(log).new")
      try write(log, to: "\(log).new")
      try shift(log, keepsName: true)
      try renameFile(directory.path("\(log).new"), to: directory.path(log))
    default:
      try await wake()
      try await letRead()
      if random.chance(30) { try await changeAgent() }
      note("remove", log)
      try removeFile(directory.path(log))
      if random.chance(50) { try await Task.sleep(for: .milliseconds(random.below(150))) }
      try begin(log)
    }
    try forgetOldest(log)
  }

  /// The log gets another name; two of them are numbered, the newest 1, and two have the time of it.
  @discardableResult
  private mutating func shift(_ log: String, keepsName: Bool = false) throws -> String {
    let aside = try nameAside(log)
    if keepsName {
      try linkFile(directory.path(log), directory.path(aside))
    } else {
      try renameFile(directory.path(log), to: directory.path(aside))
    }
    return aside
  }

  private mutating func nameAside(_ log: String) throws -> String {
    guard log != "plain/b.log", log != "glob/d.log" else {
      second += 1
      return "\(log)-20260101-\(second)"
    }
    let last = try setAside(log).count
    for number in (0..<last).reversed() {
      try renameFile(directory.path("\(log).\(number + 1)"), to: directory.path("\(log).\(number + 2)"))
    }
    return "\(log).1"
  }

  /// The names of what was set aside.
  private func setAside(_ log: String) throws -> [String] {
    let path = directory.path(log)
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    return try listDirectory(parent(of: path)).filter { $0.hasPrefix(name) && $0 != name && !$0.hasSuffix(".new") }
  }

  /// The writer waits meanwhile: what it wrote between the two steps would be lost to everybody.
  private mutating func copyAndTruncate(_ log: String) throws {
    let aside = directory.path(try nameAside(log))
    let bytes = try readFile(directory.path(log), limit: 1 << 30)
    try FileDescriptor(opening: aside, flags: O_WRONLY | O_CREAT | O_EXCL).write(bytes.span)
    try FileDescriptor(opening: directory.path(log), flags: O_WRONLY).truncate(to: 0)
    generations[log] = lines.count
    begun.append((log, story.count))
    lines.append(0)
  }

  /// As a rotation does that keeps the newest, but nothing goes that was not read.
  private mutating func forgetOldest(_ log: String) throws {
    let names = try setAside(log)
    guard names.count > random.below(Self.retention), hub.snapshot().lines == written else { return }
    let isNumbered = names.contains { $0.hasSuffix(".log.1") }
    let byAge = names.sorted { isNumbered ? ($0.count, $0) < ($1.count, $1) : $0 > $1 }
    for name in byAge.dropFirst(random.below(Self.retention / 2)) {
      try removeFile("\(parent(of: directory.path(log)))/\(name)")
    }
  }

  /// Removing what nobody has read is a loss nobody can prevent.
  private mutating func letRead() async throws {
    note("let read")
    let (hub, written) = (hub, written)
    guard await comesAbout(within: .seconds(30), { hub.snapshot().lines >= written }), hub.snapshot().lines == written
    else {
      check()
      throw ProcessError(reason: "\(hub.snapshot().lines) lines are there of \(written), seed \(seed)")
    }
  }

  private mutating func note(_ what: String, _ log: String? = nil) {
    counts[what, default: 0] += 1
    story.append(log.map { "\(what) \($0)" } ?? what)
  }

  // MARK: What arrived

  private func check() {
    var arrivals: [Line: Int] = [:]
    var isInOrder = true
    for stream in hub.streams() {
      var last: [Int: Int] = [:]
      for entry in stream.entries {
        let words = entry.text.split(separator: " ", maxSplits: 2).prefix(2).compactMap { Int($0) }
        guard words.count == 2 else {
          Issue.record("not a line that was written: \(entry.text.prefix(60)), seed \(seed)")
          continue
        }
        let line = Line(generation: words[0], number: words[1])
        arrivals[line, default: 0] += 1
        if line.number <= last[line.generation] ?? -1 { isInOrder = false }
        last[line.generation] = line.number
      }
    }
    let expected = lines.enumerated().flatMap { generation, count in
      (0..<count).map { Line(generation: generation, number: $0) }
    }
    let missing = expected.filter { arrivals[$0] == nil }
    let repeated = arrivals.filter { $0.value > 1 }.keys.sorted {
      ($0.generation, $0.number) < ($1.generation, $1.number)
    }
    #expect(missing.isEmpty, "seed \(seed): \(missing.count) of \(written) lack, \(tale(of: missing.first))")
    #expect(repeated.isEmpty, "seed \(seed): \(repeated.count) came twice, \(tale(of: repeated.first))")
    #expect(isInOrder || !repeated.isEmpty, "seed \(seed)")
    #expect(arrivals.count == expected.count, "seed \(seed)")
    if !missing.isEmpty || !repeated.isEmpty { print(process?.log ?? "") }
  }

  /// What was done while the line's generation was written, and after.
  private func tale(of line: Line?) -> String {
    guard let line, begun.indices.contains(line.generation) else { return "" }
    let (log, place) = begun[line.generation]
    let near = story[max(0, place - 15)..<min(story.count, place + 40)]
    let others = logs.filter { $0 != log }
    let relevant = near.filter { step in
      if others.contains(where: { step.hasSuffix($0) }) { return false }
      guard step.hasPrefix("write "), let generation = Int(step.split(separator: " ")[1]) else { return true }
      return begun[generation].log == log
    }
    return "\(line.generation) \(line.number) of \(log): \(relevant.joined(separator: ", "))"
  }
}

private func linkFile(_ path: String, _ other: String) throws {
  guard link(path, other) == 0 else { throw SystemError("link", other) }
}
