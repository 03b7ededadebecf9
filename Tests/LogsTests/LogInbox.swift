// SPDX-License-Identifier: Apache-2.0

import Logs
import Synchronization
import Telemetry

/// A destination that keeps lines and positions together, as a queue on disk does, and survives the source.
final class LogInbox: LogsReceiver {
  struct Line: Equatable {
    var text: String
    var labels: [String: String]
    var timestamp: Int64
  }

  struct Refused: Error {}

  private struct State {
    var lines: [Line] = []
    var positions: [[UInt8]: [UInt8]] = [:]
    var batches = 0
    var largestBatch = 0
    var receivedBytes = 0
    /// Called with the batch's number before it is taken; may wait and may throw.
    var meanwhile: (@Sendable (Int) async throws -> Void)?
  }

  let id: String
  /// Whether lines are only counted.
  let countsOnly: Bool
  private let state = Mutex(State())

  init(id: String = "inbox", countsOnly: Bool = false) {
    self.id = id
    self.countsOnly = countsOnly
  }

  var lines: [Line] { state.withLock { $0.lines } }
  var texts: [String] { lines.map(\.text) }
  var positions: [[UInt8]: [UInt8]] { state.withLock { $0.positions } }
  var largestBatch: Int { state.withLock { $0.largestBatch } }
  var receivedBytes: Int { state.withLock { $0.receivedBytes } }

  func meanwhile(_ work: (@Sendable (Int) async throws -> Void)?) { state.withLock { $0.meanwhile = work } }

  func forgetLines() { state.withLock { $0.lines = [] } }

  func receive(_ batch: LogBatch) async throws {
    let (number, meanwhile) = state.withLock { state in
      state.batches += 1
      return (state.batches, state.meanwhile)
    }
    try await meanwhile?(number)
    if let audience = batch.audience, !audience.contains(id) { return }
    state.withLock { state in
      state.largestBatch = max(state.largestBatch, batch.memoryBytes)
      state.receivedBytes += batch.entries.reduce(0) { $0 + $1.line.count }
      if !countsOnly {
        let labels = batch.labelSets.map { set in
          Dictionary(uniqueKeysWithValues: set.labels.map { ($0.name, $0.value) })
        }
        for entry in batch.entries {
          state.lines.append(
            Line(
              text: String(decoding: batch.bytes[entry.line], as: UTF8.self), labels: labels[Int(entry.labels)],
              timestamp: entry.timestampNanoseconds))
        }
      }
      for source in batch.sources {
        guard let position = source.position else { continue }
        state.positions[source.name] = position.isEmpty ? nil : position
      }
    }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    [LogDestination(id: id, positions: positions)]
  }
}
