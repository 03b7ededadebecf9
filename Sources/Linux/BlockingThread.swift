// SPDX-License-Identifier: Apache-2.0

/// One thread of its own for work that blocks in the kernel: disk, `/proc`, D-Bus, the journal.
///
/// An actor that returns one as its `unownedExecutor` runs on it, so a slow disk never holds up the shared pool.
/// Jobs run in the order they were enqueued. The thread ends when the last reference is dropped.
public final class BlockingThread: SerialExecutor, Sendable {
  private let inbox: Inbox

  /// Starts a thread called `name` (the kernel keeps 15 bytes of it).
  public init(name: String) {
    let inbox = Inbox()
    self.inbox = inbox
    let started = startThread(name: name, stackBytes: 512 << 10) { inbox.run() }
    precondition(started, "cannot start thread \(name)")
  }

  deinit { inbox.close() }

  /// Adds `job` to the thread's work.
  public func enqueue(_ job: consuming ExecutorJob) {
    unsafe inbox.add(UnownedJob(job), for: unsafe UnownedSerialExecutor(ordinary: self))
  }

  /// What an actor returns as its `unownedExecutor`; the actor keeps the thread alive.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

  /// Runs `work` on this thread and waits for it without blocking the caller's.
  public func run<Result: Sendable>(_ work: @Sendable @escaping () throws -> Result) async throws -> Result {
    try await Errand(thread: self).run(work)
  }
}

private actor Errand {
  let thread: BlockingThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  init(thread: BlockingThread) { self.thread = thread }

  func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}

/// Jobs waiting for their thread.
///
/// `@unchecked`: everything mutable is touched only with the monitor's lock held.
@safe private final class Inbox: @unchecked Sendable {
  private let monitor = Monitor()
  private var jobs: [(UnownedJob, UnownedSerialExecutor)] = unsafe []
  private var closed = false

  func add(_ job: UnownedJob, for executor: UnownedSerialExecutor) {
    monitor.withLock {
      unsafe jobs.append((job, executor))
      monitor.wakeAll()
    }
  }

  func close() {
    monitor.withLock {
      closed = true
      monitor.wakeAll()
    }
  }

  func run() {
    var batch: [(UnownedJob, UnownedSerialExecutor)] = unsafe []
    while unsafe waitForJobs(&batch) {
      for index in unsafe batch.indices { unsafe batch[index].0.runSynchronously(on: batch[index].1) }
      unsafe batch.removeAll(keepingCapacity: true)
    }
  }

  /// Swaps the waiting jobs into `batch`, which is empty; false when there are none and will be none.
  private func waitForJobs(_ batch: inout [(UnownedJob, UnownedSerialExecutor)]) -> Bool {
    monitor.withLock {
      while unsafe jobs.isEmpty && !closed { monitor.wait() }
      unsafe swap(&batch, &jobs)
      return unsafe !batch.isEmpty
    }
  }
}
