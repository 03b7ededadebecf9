// SPDX-License-Identifier: Apache-2.0

public import Linux
internal import Synchronization
public import Telemetry

/// The lines of files, each handed on once, whatever happens to the files and to this process.
///
/// It keeps no position of its own: it asks the receiver where its destinations stand, and reads from there.
public final class FileSource: Sendable {
  private struct Shared {
    var settings: FileSourceSettings
    var isChanged = false
    var statistics = FileStatistics()
    /// Since when the thread has been at one piece of work, in `monotonicNanoseconds`.
    var busySince: Int64?
  }

  private let origin: String
  private let log: Log
  private let wakeUp: WakeUp
  private let shared: Mutex<Shared>

  /// A source called `origin`; fails when the process has no descriptor to give.
  public init(origin: String, settings: FileSourceSettings, log: Log) throws(SystemError) {
    self.origin = origin
    self.log = log
    wakeUp = try WakeUp()
    shared = Mutex(Shared(settings: settings))
  }

  /// Takes other settings; files that are still followed are read on, whatever their labels are now.
  public func update(_ settings: FileSourceSettings) {
    shared.withLock {
      $0.settings = settings
      $0.isChanged = true
    }
    wakeUp.wake()
  }

  /// What was done so far.
  public var statistics: FileStatistics { shared.withLock { $0.statistics } }

  /// Since when the source's thread has been at one piece of work, in `monotonicNanoseconds`; nil while it waits.
  public var busySince: Int64? { shared.withLock { $0.busySince } }

  /// Runs a piece of work on the source's thread.
  private func work<Result>(_ body: () async -> Result) async -> Result {
    shared.withLock { $0.busySince = monotonicNanoseconds() }
    defer { shared.withLock { $0.busySince = nil } }
    return await body()
  }

  /// Hands lines to `receiver` until the task is cancelled, and tells `report` what keeps files from being read, and nil
  /// when nothing does any more.
  public func run(
    to receiver: any LogsReceiver, report: @escaping @Sendable (String?) -> Void = { _ in }
  ) async throws {
    let reader = FileReader(
      FileFollower(origin: origin, settings: shared.withLock { $0.settings }, log: log, wakeUp: wakeUp))
    try await withTaskCancellationHandler {
      while true {
        do {
          try await hand(from: reader, to: receiver, report)
        } catch is CancellationError {
          throw CancellationError()
        } catch is UnknownOrigin {
          try Task.checkCancellation()
        } catch {
          try Task.checkCancellation()
          log.warn("lines were not taken, and are read again", ("err", "\(error)"))
          try await Task.sleep(for: .seconds(1))
        }
      }
    } onCancel: {
      wakeUp.wake()
    }
  }

  private func hand(
    from reader: FileReader, to receiver: any LogsReceiver, _ report: @escaping @Sendable (String?) -> Void
  ) async throws {
    let destinations = try await receiver.positions(of: origin)
    await work { await reader.begin(destinations) }
    while true {
      try Task.checkCancellation()
      if let settings = takeSettings() { await work { await reader.change(to: settings) } }
      guard let batch = await work({ await reader.nextBatch { publish($0, report) } }) else {
        await reader.wait()
        continue
      }
      shared.withLock { $0.statistics.handingOnSince = monotonicNanoseconds() }
      defer { shared.withLock { $0.statistics.handingOnSince = nil } }
      try await receiver.receive(batch)
      await reader.reuse(consume batch)
    }
  }

  private func takeSettings() -> FileSourceSettings? {
    shared.withLock { shared in
      defer { shared.isChanged = false }
      return shared.isChanged ? shared.settings : nil
    }
  }

  private func publish(_ statistics: FileStatistics, _ report: (String?) -> Void) {
    let before = shared.withLock { shared in
      defer { shared.statistics = statistics }
      return shared.statistics.problem
    }
    if statistics.problem != before { report(statistics.problem) }
  }
}

/// A follower on a thread of its own, for reading files blocks.
private actor FileReader {
  private let thread = BlockingThread(name: "files")
  private let follower: FileFollower
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  init(_ follower: sending FileFollower) { self.follower = follower }

  func begin(_ destinations: [LogDestination]) { follower.begin(destinations) }

  func change(to settings: FileSourceSettings) { follower.change(to: settings) }

  func nextBatch(_ publish: @Sendable (FileStatistics) -> Void) -> LogBatch? {
    follower.lookAround()
    var batch = follower.nextBatch()
    // A batch this full was closed for its size.
    if let size = batch?.memoryBytes, size > 256 << 10 { batch?.moreFollows = true }
    publish(follower.statistics)
    return batch
  }

  /// Takes back a batch that was delivered.
  func reuse(_ batch: consuming LogBatch) { follower.spare = batch }

  func wait() { follower.wait() }
}
