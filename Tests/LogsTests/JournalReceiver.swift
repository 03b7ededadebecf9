// SPDX-License-Identifier: Apache-2.0

import Linux
import Logs
import Synchronization
import Telemetry

/// A destination in memory that keeps entries with their positions, and can fail.
final class JournalReceiver: LogsReceiver {
  struct Line: Sendable, Equatable {
    var text: String
    var labels: [String: String]
    var nanoseconds: Int64
  }

  struct Failure: Error {}

  private struct State {
    var destinations: [String: [Line]] = [:]
    var positions: [String: [[UInt8]: [UInt8]]] = [:]
    var batches: [LogBatch] = []
    var fails: (@Sendable (LogBatch) -> Bool)?
  }

  private let state: Mutex<State>

  init(_ ids: String...) {
    state = Mutex(State())
    state.withLock { state in
      for id in ids.isEmpty ? ["a"] : ids { (state.destinations[id], state.positions[id]) = ([], [:]) }
    }
  }

  /// What `id` has got.
  func lines(_ id: String = "a") -> [Line] { state.withLock { $0.destinations[id] ?? [] } }

  var batches: [LogBatch] { state.withLock { $0.batches } }

  /// What `id` knows of where it stands.
  func position(_ id: String = "a") -> [UInt8]? { state.withLock { $0.positions[id]?[Array("journal".utf8)] } }

  func setPosition(_ position: [UInt8], of id: String) {
    state.withLock { $0.positions[id] = [Array("journal".utf8): position] }
  }

  /// Batches for which `fails` is true are taken in part only, as by a process that dies.
  func fail(_ fails: (@Sendable (LogBatch) -> Bool)?) { state.withLock { $0.fails = fails } }

  func receive(_ batch: LogBatch) async throws {
    try state.withLock { state in
      state.batches.append(batch)
      let dies = state.fails?(batch) ?? false
      let count = dies ? batch.entries.count / 2 : batch.entries.count
      for id in state.destinations.keys where batch.audience?.contains(id) ?? true {
        for entry in batch.entries[..<count] {
          state.destinations[id, default: []].append(
            Line(
              text: String(decoding: batch.bytes[entry.line], as: UTF8.self),
              labels: Dictionary(
                uniqueKeysWithValues: batch.labelSets[Int(entry.labels)].labels.map { ($0.name, $0.value) }),
              nanoseconds: entry.timestampNanoseconds))
          state.positions[id]?[batch.sources[Int(entry.source)].name] = batch.position(after: entry)
        }
        if !dies, let position = batch.sources[0].position { state.positions[id]?[batch.sources[0].name] = position }
      }
      if dies { throw Failure() }
    }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    state.withLock { state in
      state.positions.map { LogDestination(id: $0.key, positions: $0.value) }.sorted { $0.id < $1.id }
    }
  }
}

/// Reads a journal in a task of its own until it is told to stop.
final class RunningReader: Sendable {
  /// What it has said about how it is; nil for well.
  final class Said: Sendable {
    private let problems = Mutex<[String?]>([])
    var all: [String?] { problems.withLock { $0 } }
    func add(_ problem: String?) { problems.withLock { $0.append(problem) } }
  }

  let statistics = JournalStatistics()
  let said = Said()
  private let task: Task<Void, any Error>

  init(_ options: JournalOptions, to receiver: JournalReceiver) {
    let reader = JournalReader(
      options, origin: "loki.source.journal.test", statistics: statistics, log: Log(to: LogSink(descriptor: -1))
    ) { [said] in said.add($0) }
    task = Task { try await reader.run(sendingTo: receiver) }
  }

  func stop() async {
    task.cancel()
    _ = await task.result
  }
}
