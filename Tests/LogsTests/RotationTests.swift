// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logs
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Every kind of rotation at random moments, with a source that is stopped and started, and a receiver that is slow.
///
/// `SPOKE_ROTATIONS` says how many there are; `SPOKE_SEED` repeats a failure.
@Suite struct RotationTests {
  @Test(arguments: testSeeds(count: environmentVariable("SPOKE_ROTATIONS") == nil ? 4 : 20))
  func `each line arrives once, whatever becomes of the files`(seed: UInt64) async throws {
    let wanted = environmentVariable("SPOKE_ROTATIONS").flatMap { Int($0) }.map { $0 / 20 } ?? 60
    var script = try RotationScript(seed: seed)
    try await script.run(rotations: wanted)
    let expected = script.written
    await eventually("all lines arrive, seed \(seed)", within: .seconds(10)) {
      script.bench.inbox.lines.count >= expected.count
    }
    await script.bench.stop()
    let got = script.bench.inbox.texts
    let counts = Dictionary(got.map { ($0, 1) }, uniquingKeysWith: +)
    let missing = expected.filter { counts[$0] == nil }
    let repeated = counts.filter { $0.value > 1 }.keys.sorted()
    let isComplete = missing.isEmpty && repeated.isEmpty
    #expect(
      isComplete,
      "seed \(seed): \(missing.count) lack, \(script.story(of: missing.first)); \(repeated.count) repeated, \(script.story(of: repeated.first))"
    )
    #expect(got.count == expected.count, "seed \(seed)")
  }
}

/// A program that writes, one that rotates, and an agent that comes and goes.
private struct RotationScript {
  let bench: FileBench
  private(set) var written: [String] = []
  private var random: SplitMix64
  private var story: [String] = []
  private var marks: [String: Int] = [:]
  private var isRunning = false
  private var isHalfWritten = false
  private let delays: Delays

  private final class Delays: Sendable {
    let random: Mutex<SplitMix64>
    init(seed: UInt64) { random = Mutex(SplitMix64(seed: seed &+ 1000)) }
    func next() -> Int { random.withLock { $0.chance(30) ? $0.below(15) : 0 } }
  }

  init(seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    bench = try FileBench(["a.log", "b.log"])
    delays = Delays(seed: seed)
    let delays = delays
    bench.inbox.meanwhile { _ in
      let wait = delays.next()
      if wait > 0 { try await Task.sleep(for: .milliseconds(wait)) }
    }
  }

  mutating func run(rotations: Int) async throws {
    for name in ["a.log", "b.log"] { try bench.append("", to: name) }
    try start()
    await eventually("the files are known") { bench.inbox.positions.count == 2 }
    var done = 0
    while done < rotations {
      switch random.below(10) {
      case 0..<5: try write()
      case 5, 6:
        try await rotate()
        done += 1
      case 7: if isRunning { await stop() } else { try start() }
      case 8: try await Task.sleep(for: .milliseconds(random.below(8)))
      default: try write()
      }
    }
    if !isRunning { try start() }
  }

  private mutating func start() throws {
    story.append("start")
    try bench.start()
    isRunning = true
  }

  private mutating func stop() async {
    story.append("stop")
    await bench.stop()
    isRunning = false
  }

  private mutating func write(to name: String? = nil) throws {
    let name = name ?? (random.chance(50) ? "a.log" : "b.log")
    var text = ""
    for _ in 0...random.below(5) {
      let line = "\(name) \(written.count) " + String(repeating: "x", count: random.below(random.chance(5) ? 3000 : 60))
      written.append(line)
      marks[line] = story.count
      text += line + "\n"
    }
    story.append("write \(name) up to \(written.count - 1)")
    try bench.append(text, to: name)
  }

  private mutating func rotate() async throws {
    let name = random.chance(50) ? "a.log" : "b.log"
    let kind = random.below(6)
    story.append("rotation \(kind) of \(name)")
    switch kind {
    case 0, 1: try shift(name)
    case 2:
      try shift(name)
      try write(to: name)
      try shift(name)
      if random.chance(50) { try write(to: name) }
    case 3: try copyAndTruncate(name)
    case 4:
      // Replaced by a file made elsewhere; the old one keeps a name, else what was not read is lost.
      try shift(name, makesNew: false)
      try write(to: "new")
      try bench.rename("new", to: name)
    default:
      try await letRead(name)
      try bench.remove(name)
      try bench.append("", to: name)
    }
    try forgetOldest(name)
  }

  /// `name` becomes `name.1`, `name.1` becomes `name.2`, and so on.
  private func shift(_ name: String, makesNew: Bool = true) throws {
    for number in (1..<200).reversed() where fileKind(bench.path("\(name).\(number)")) != nil {
      try bench.rename("\(name).\(number)", to: "\(name).\(number + 1)")
    }
    try bench.rename(name, to: "\(name).1")
    if makesNew { try bench.append("", to: name) }
  }

  private func copyAndTruncate(_ name: String) throws {
    for number in (1..<200).reversed() where fileKind(bench.path("\(name).\(number)")) != nil {
      try bench.rename("\(name).\(number)", to: "\(name).\(number + 1)")
    }
    try bench.copy(name, to: "\(name).1")
    try bench.truncate(name)
  }

  /// Removing what nobody has read is a loss nobody can prevent.
  private mutating func letRead(_ name: String) async throws {
    if !isRunning { try start() }
    let inbox = bench.inbox
    let arrived = await comesAbout(within: .seconds(10)) { [written] in inbox.lines.count >= written.count }
    if !arrived { throw Unread(story: missingStory) }
  }

  struct Unread: Error {
    var story: String
  }

  /// What happened around the first line that did not arrive.
  private var missingStory: String {
    let got = Set(bench.inbox.texts)
    return story(of: written.first { !got.contains($0) })
  }

  private mutating func forgetOldest(_ name: String) throws {
    guard fileKind(bench.path("\(name).9")) != nil, bench.inbox.lines.count >= written.count else { return }
    for number in 6..<200 where fileKind(bench.path("\(name).\(number)")) != nil {
      try bench.remove("\(name).\(number)")
    }
  }

  func story(of line: String?) -> String {
    guard let line, let place = marks[line] else { return "nothing" }
    return "\(line.prefix(20)): " + story[max(0, place - 8)..<min(story.count, place + 12)].joined(separator: ", ")
  }
}
