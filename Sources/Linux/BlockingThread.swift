// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
internal import Synchronization

/// One thread of its own for work that blocks in the kernel: disk, `/proc`, D-Bus, the journal.
///
/// An actor that returns one as its `unownedExecutor` runs on it, so a slow disk never holds up the shared pool.
/// Jobs run in the order they were enqueued. The thread ends when the last reference is dropped.
public final class BlockingThread: SerialExecutor, Sendable {
  private let inbox: Inbox

  /// Starts a thread called `name` (the kernel keeps 15 bytes of it).
  public init(name: String) {
    inbox = Inbox()
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    unsafe pthread_attr_setstacksize(&attributes, 512 << 10)
    let start = unsafe Unmanaged.passRetained(Start(name: String(name.utf8.prefix(15))!, inbox: inbox)).toOpaque()
    let result = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        let start = unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        unsafe clinux_name_this_thread(start.name)
        start.inbox.run()
        return nil
      }, start)
    precondition(result == 0, "cannot start thread \(name): \(errorText(result))")
    unsafe pthread_attr_destroy(&attributes)
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

private final class Start {
  let name: String
  let inbox: Inbox

  init(name: String, inbox: Inbox) {
    self.name = name
    self.inbox = inbox
  }
}

/// Jobs waiting for their thread.
///
/// `@unchecked`: everything mutable is touched only with `lock` held; the lock and the condition are allocated once
/// and never move.
@safe private final class Inbox: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [(UnownedJob, UnownedSerialExecutor)] = unsafe []  // guarded by lock
  private var closed = false  // guarded by lock

  init() {
    unsafe pthread_mutex_init(lock, nil)
    unsafe pthread_cond_init(arrival, nil)
  }

  deinit {
    unsafe pthread_mutex_destroy(lock)
    unsafe pthread_cond_destroy(arrival)
    unsafe lock.deallocate()
    unsafe arrival.deallocate()
  }

  func add(_ job: UnownedJob, for executor: UnownedSerialExecutor) {
    unsafe pthread_mutex_lock(lock)
    unsafe jobs.append((job, executor))
    unsafe pthread_cond_signal(arrival)
    unsafe pthread_mutex_unlock(lock)
  }

  func close() {
    unsafe pthread_mutex_lock(lock)
    closed = true
    unsafe pthread_cond_signal(arrival)
    unsafe pthread_mutex_unlock(lock)
  }

  func run() {
    var batch: [(UnownedJob, UnownedSerialExecutor)] = unsafe []
    while true {
      unsafe pthread_mutex_lock(lock)
      while unsafe jobs.isEmpty && !closed { unsafe pthread_cond_wait(arrival, lock) }
      let ending = unsafe jobs.isEmpty
      unsafe swap(&batch, &jobs)
      unsafe pthread_mutex_unlock(lock)
      if ending { return }
      for index in unsafe batch.indices { unsafe batch[index].0.runSynchronously(on: batch[index].1) }
      unsafe batch.removeAll(keepingCapacity: true)
    }
  }
}
