// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Ends the wait of a thread that sleeps until a descriptor is readable: for threads that must stop at once when told.
///
/// A ring is kept until somebody waits, so none is missed.
public final class Doorbell: Sendable {
  private let inside: FileDescriptor
  private let outside: FileDescriptor

  /// A bell nobody has rung.
  public init() {
    var ends: [Int32] = [-1, -1]
    let isMade = unsafe pipe(&ends) == 0
    precondition(isMade, "cannot make a pipe: \(errorText(errno))")
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    inside = FileDescriptor(owning: ends[0])
    outside = FileDescriptor(owning: ends[1])
  }

  /// Wakes whoever waits, or will wait.
  public func ring() {
    // A full pipe rings already.
    unsafe [UInt8(1)].withUnsafeBytes { unsafe _ = write(outside.number, $0.baseAddress, $0.count) }
  }

  /// Waits until `descriptor` (none when negative) has something of `events` (as `poll` has them; 1 for something to
  /// read), somebody rings, or `limit` in `monotonicNanoseconds` passes. Blocks the thread.
  public func wait(for descriptor: Int32 = -1, events: Int16 = 1, until limit: Int64) {
    var watched = [
      pollfd(fd: inside.number, events: Int16(POLLIN), revents: 0), pollfd(fd: descriptor, events: events, revents: 0),
    ]
    let left = max(0, limit - monotonicNanoseconds())
    // An interrupted wait is a short one; the caller looks at the world again.
    unsafe _ = poll(&watched, 2, Int32(clamping: left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1)))
    guard watched[0].revents != 0 else { return }
    var rings = [UInt8](repeating: 0, count: 16)
    while unsafe read(inside.number, &rings, rings.count) > 0 {}
  }
}
