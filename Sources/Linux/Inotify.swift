// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// What the kernel tells about changes in directories (inotify(7)).
public final class Inotify: Sendable {
  /// One change.
  public struct Event: Sendable {
    /// The number `watch` gave; -1 when the kernel had to drop events, and anything may have changed.
    public var watch: Int32
    /// The name in the directory; empty when it is about the directory itself.
    public var name: String
    /// Whether names came, went or now stand for other files, rather than a file having been written.
    public var isStructural: Bool
    /// Whether the watch has ended by itself.
    public var isGone: Bool
  }

  let descriptor: FileDescriptor

  /// Fails with `EMFILE` when the user has as many as the kernel allows.
  public init() throws(SystemError) {
    let number = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard number >= 0 else { throw SystemError("inotify_init") }
    descriptor = FileDescriptor(owning: number, path: "inotify")
  }

  /// Watches the directory `path`; its number. Fails with `ENOSPC` at the kernel's limit.
  public func watch(_ path: String) throws(SystemError) -> Int32 {
    let mask =
      UInt32(IN_MODIFY) | UInt32(IN_ATTRIB) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM)
      | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
    let number = unsafe inotify_add_watch(descriptor.number, path, mask)
    guard number >= 0 else { throw SystemError("inotify_add_watch", path) }
    return number
  }

  /// Ends a watch.
  public func unwatch(_ watch: Int32) { inotify_rm_watch(descriptor.number, watch) }

  /// Hands over what has happened since the last call, without waiting.
  public func drain(_ body: (Event) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 32 << 10)
    while let count = try? descriptor.read(into: &buffer), count > 0 {
      var offset = 0
      while offset + 16 <= count {
        let watch = Int32(bitPattern: Self.word(buffer, offset))
        let mask = Self.word(buffer, offset + 4)
        let end = min(count, offset + 16 + Int(Self.word(buffer, offset + 12)))
        let name = String(decoding: buffer[offset + 16..<end].prefix { $0 != 0 }, as: UTF8.self)
        let written = UInt32(IN_MODIFY) | UInt32(IN_ATTRIB)
        body(
          Event(
            watch: watch, name: name, isStructural: mask & ~(written | UInt32(IN_ISDIR)) != 0 || name.isEmpty,
            isGone: mask & UInt32(IN_IGNORED) != 0))
        offset = end
      }
    }
  }

  private static func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
  }
}

/// A thread's sleep that others can end.
public final class WakeUp: Sendable {
  private let descriptor: FileDescriptor

  /// Takes a descriptor of the process.
  public init() throws(SystemError) {
    let number = clinux_eventfd()
    guard number >= 0 else { throw SystemError("eventfd") }
    descriptor = FileDescriptor(owning: number, path: "eventfd")
  }

  /// Ends the sleep, or the next one.
  public func wake() {
    let one: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
    try? descriptor.write(one.span)
  }

  /// Blocks until somebody calls `wake`, `inotify` has something, or `milliseconds` have passed.
  public func sleep(milliseconds: Int, or inotify: Inotify? = nil) {
    var waits = [
      pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: inotify?.descriptor.number ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    unsafe _ = poll(&waits, 2, Int32(clamping: max(0, milliseconds)))
    var counter: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
    _ = try? descriptor.read(into: &counter)
  }
}

/// Blocks the calling thread for this long.
public func pauseThread(milliseconds: Int) { _ = poll(nil, 0, Int32(clamping: milliseconds)) }
