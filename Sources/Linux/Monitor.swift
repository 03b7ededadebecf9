// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A lock with a condition to wait for, on the clock that never jumps.
///
/// For the few places where a thread must wait for another with a limit in time. Wake-ups may be spurious: wait in a
/// loop that looks at the state.
///
/// `@unchecked`: both objects are allocated once, never move, and are made for several threads.
@safe public final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// A monitor nobody holds.
  public init() {
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs `body` with the lock held.
  public func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe _ = pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Lets go of the lock until somebody calls `wakeAll`, or until `limit` in `monotonicNanoseconds`.
  ///
  /// Only with the lock held. Returns whether the limit has passed.
  @discardableResult public func wait(until limit: Int64? = nil) -> Bool {
    guard let limit else {
      unsafe pthread_cond_wait(condition, mutex)
      return false
    }
    var time = timespec(tv_sec: time_t(limit / 1_000_000_000), tv_nsec: Int(limit % 1_000_000_000))
    return unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT
  }

  /// Wakes all that wait.
  public func wakeAll() { unsafe _ = pthread_cond_broadcast(condition) }
}

/// Starts a thread called `name` that runs `body` and ends; false when the system has none to give.
///
/// For work that may hang for ever in the kernel; what can end belongs on a `BlockingThread`.
public func startThread(
  name: String, stackBytes: Int = 256 << 10, _ body: @Sendable @escaping () -> Void
) -> Bool {
  var thread = pthread_t()
  var attributes = pthread_attr_t()
  unsafe pthread_attr_init(&attributes)
  defer { unsafe _ = pthread_attr_destroy(&attributes) }
  unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  unsafe pthread_attr_setstacksize(&attributes, stackBytes)
  let work = unsafe Unmanaged.passRetained(ThreadWork(name: name, body: body))
  let result = unsafe pthread_create(
    &thread, &attributes,
    { argument in
      guard let argument = unsafe argument else { return nil }
      let work = unsafe Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue()
      unsafe clinux_name_this_thread(work.name)
      work.body()
      return nil
    }, work.toOpaque())
  if result != 0 { unsafe work.release() }
  return result == 0
}

private final class ThreadWork {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @Sendable @escaping () -> Void) {
    self.name = String(decoding: name.utf8.prefix(15), as: UTF8.self)
    self.body = body
  }
}
