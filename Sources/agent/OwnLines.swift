// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Synchronization
import Telemetry

/// The agent's own log lines on their way to where `logging.write_to` wants them, besides standard error.
///
/// They are shipped like any others, through a queue on disk; but nobody can read them again, so while their receivers
/// take nothing, the newest are kept, within bounds.
final class OwnLines: Sendable {
  private struct State {
    var lines: [Log.Line] = []
    var bytes = 0
    var dropped = 0
    var lastTimestamp: Int64 = 0
    var shipping: Task<Void, Never>?
  }

  private static let mostBytes = 256 << 10

  private let state = Mutex(State())

  /// Sends what is logged to `sink` from now on to `receivers`, instead of those before.
  func send(from sink: LogSink, to receivers: [LogsInlet]) {
    let (news, signal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let shipping = receivers.isEmpty ? nil : Task { await ship(to: receivers, whenever: news) }
    let former = state.withLock { state in
      defer { state.shipping = shipping }
      return state.shipping
    }
    former?.cancel()
    guard shipping != nil || former != nil else { return }
    guard shipping != nil else { return sink.listen(nil) }
    sink.listen { [weak self] line in
      self?.keep(line)
      signal.yield()
    }
    signal.yield()
  }

  private func keep(_ line: Log.Line) {
    state.withLock { state in
      var line = line
      // Equal lines of one moment would be one to the hub.
      line.timestampNanoseconds = max(line.timestampNanoseconds, state.lastTimestamp + 1)
      state.lastTimestamp = line.timestampNanoseconds
      state.lines.append(line)
      state.bytes += line.text.utf8.count
      while state.bytes > Self.mostBytes, state.lines.count > 1 {
        state.bytes -= state.lines.removeFirst().text.utf8.count
        state.dropped += 1
      }
    }
  }

  private func ship(to receivers: [LogsInlet], whenever news: AsyncStream<Void>) async {
    for await _ in news {
      let (lines, dropped) = take()
      guard !lines.isEmpty else { continue }
      let batch = Self.batch(of: lines, dropped: dropped)
      await withTaskGroup { group in
        // One that does not run is passed over: its lines are on standard error, too.
        for receiver in receivers { group.addTask { try? await receiver.receive(batch) } }
      }
    }
  }

  private func take() -> ([Log.Line], dropped: Int) {
    state.withLock { state in
      defer {
        state.lines = []
        state.bytes = 0
        state.dropped = 0
      }
      return (state.lines, state.dropped)
    }
  }

  /// The lines with the label by which dashboards for Alloy find them.
  private static func batch(of lines: [Log.Line], dropped: Int) -> LogBatch {
    var batch = LogBatch()
    batch.labelSets = [LabelSet(["component": "alloy"])]
    for line in lines {
      batch.append(
        line: Array(line.text.utf8).span, timestampNanoseconds: line.timestampNanoseconds, labels: 0)
    }
    if dropped > 0, let last = lines.last {
      let text =
        "level=warn msg=\"\(dropped) lines of this log are on standard error only: their receiver took nothing\""
      batch.append(
        line: Array(text.utf8).span, timestampNanoseconds: last.timestampNanoseconds, labels: 0)
    }
    return batch
  }
}
