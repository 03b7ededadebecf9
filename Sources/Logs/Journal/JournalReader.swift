// SPDX-License-Identifier: Apache-2.0

public import Linux
public import Telemetry

/// Reads a journal on a thread of its own and hands its entries on, each once, from where the destinations stand.
///
/// Whatever happens to the journal, it goes on: what it cannot read it passes over and counts, and what it cannot open
/// it tries again.
public actor JournalReader {
  /// How long a batch may take until the files are let go of.
  private static let patience = Duration.seconds(10)

  private let origin: String
  private let statistics: JournalStatistics
  private let bell: Doorbell
  private let thread = BlockingThread(name: "journal")
  private var tail: JournalTail
  /// After the last entry that was accounted for.
  private var accounted: JournalPosition?

  /// Runs on the reader's thread: the journal blocks.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// A reader of what `options` say, as part of component `origin`. `report` is told why nothing can be read, or nil when
  /// all is well.
  public init(
    _ options: JournalOptions, origin: String, statistics: JournalStatistics, log: Log,
    report: @Sendable @escaping (String?) -> Void
  ) {
    self.origin = origin
    self.statistics = statistics
    bell = Doorbell()
    tail = JournalTail(options, origin: origin, statistics: statistics, log: log, bell: bell, report: report)
  }

  /// Reads until the task is cancelled.
  public func run(sendingTo receiver: any LogsReceiver) async throws {
    try await withTaskCancellationHandler {
      var failures = 0
      while true {
        do {
          tail.begin(for: try await receiver.positions(of: origin), otherwise: accounted)
          while true {
            try await hand(try tail.nextBatch(), to: receiver)
            failures = 0
          }
        } catch let error as CancellationError {
          throw error
        } catch {
          try Task.checkCancellation()
          failures += 1
          if failures == 1 && error is UnknownOrigin { continue }
          tail.say("\(error)")
          try await Task.sleep(for: .milliseconds(min(15_000, 50 << min(failures, 10))))
        }
      }
    } onCancel: {
      bell.ring()
    }
  }

  private func hand(_ batch: LogBatch, to receiver: any LogsReceiver) async throws {
    let patience = Task {
      try await Task.sleep(for: Self.patience)
      letGo()
    }
    defer {
      patience.cancel()
      statistics.update { $0.isPaused = false }
    }
    try await receiver.receive(batch)
    accounted = tail.batch.end ?? accounted
    tail.settle()
  }

  /// While the receiver takes nothing, the files are not kept from being removed.
  private func letGo() {
    guard !Task.isCancelled else { return }
    statistics.update { $0.isPaused = true }
    tail.close()
  }
}
