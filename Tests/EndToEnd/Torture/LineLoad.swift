// SPDX-License-Identifier: Apache-2.0

import Linux
import Synchronization
import TestSupport

/// Programs that write lines: two logs that are rotated by renaming, and a journal.
///
/// A line says where it belongs: `GENERATION NUMBER filler`. A generation is a file between its making and the next
/// rotation, and 0 the journal; the numbers of one are in order.
final class LineLoad: Sendable {
  struct Line: Hashable {
    var generation: Int
    var number: Int
  }

  private struct State {
    var random: SplitMix64
    var generations: [String: Int] = [:]
    /// How many lines each generation has.
    var lines = [0]
    var rotations = 0
  }

  private let directory: TemporaryDirectory
  private let journal: JournalHost?
  private let state: Mutex<State>

  static let logs = ["first.log", "second.log"]

  init(in directory: TemporaryDirectory, journal: JournalHost?, seed: UInt64) throws {
    self.directory = directory
    self.journal = journal
    state = Mutex(State(random: SplitMix64(seed: seed)))
    try state.withLock { state in
      for log in Self.logs {
        try begin(log, &state)
        try write(to: log, &state)
      }
    }
  }

  /// How many lines there are.
  var written: Int { state.withLock { $0.lines.reduce(0, +) } }

  /// How many lines each generation has.
  var generations: [Int] { state.withLock { $0.lines } }

  /// How often a log was rotated.
  var rotations: Int { state.withLock { $0.rotations } }

  /// Writes some lines to one of the logs or the journal, or rotates a log.
  func step() throws {
    try state.withLock { state in
      let log = Self.logs[state.random.below(Self.logs.count)]
      switch state.random.below(100) {
      case 0..<2: try rotate(log, &state)
      case 2..<25 where journal != nil: try writeEntries(&state)
      default: try write(to: log, &state)
      }
    }
  }

  /// Goes on with that while `body` runs.
  func whileWriting(pause: Int = 30, _ body: () async throws -> Void) async throws {
    let writer = Task {
      while !Task.isCancelled {
        try step()
        let milliseconds = state.withLock { $0.random.below(pause) }
        try? await Task.sleep(for: .milliseconds(milliseconds))
      }
    }
    do {
      try await body()
    } catch {
      writer.cancel()
      throw error
    }
    writer.cancel()
    try await writer.value
  }

  private func begin(_ log: String, _ state: inout State) throws {
    state.generations[log] = state.lines.count
    state.lines.append(0)
    try append("", to: directory.path(log))
  }

  private func rotate(_ log: String, _ state: inout State) throws {
    state.rotations += 1
    try renameFile(directory.path(log), to: directory.path("\(log)-20260101-\(100_000 + state.rotations)"))
    try begin(log, &state)
  }

  private func write(to log: String, _ state: inout State) throws {
    guard let generation = state.generations[log] else { return }
    var text = ""
    for _ in 0...state.random.below(8) { text += next(of: generation, &state) + "\n" }
    try append(text, to: directory.path(log))
  }

  private func writeEntries(_ state: inout State) throws {
    for _ in 0...state.random.below(4) { try journal?.write(next(of: 0, &state)) }
  }

  private func next(of generation: Int, _ state: inout State) -> String {
    defer { state.lines[generation] += 1 }
    let length = state.random.below(state.random.chance(3) ? 3000 : 100)
    return "\(generation) \(state.lines[generation]) \(String(repeating: "x", count: length))"
  }
}
