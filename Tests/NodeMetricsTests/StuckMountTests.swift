// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

/// A file system whose server never answers: FUSE, mounted and left alone, in a mount namespace of its own, so that
/// nobody else on the machine comes to hang on it.
private final class DeadMount: Sendable {
  private let device: Mutex<Int32>

  /// Mounts it on `path` for the calling thread, which leaves the mounts of the process, and for the threads it starts.
  init(on path: String) throws {
    guard leaveMountNamespace() else { throw SystemError("unshare") }
    guard mount("none", "/", nil, UInt(MS_REC) | UInt(MS_PRIVATE), nil) == 0 else {
      throw SystemError("mount", "/")
    }
    let number = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard number >= 0 else { throw SystemError("open", "/dev/fuse") }
    let options = "fd=\(number),rootmode=40000,user_id=0,group_id=0"
    guard mount("dead", path, "fuse", 0, options) == 0 else { throw SystemError("mount", path) }
    device = Mutex(number)
  }

  /// The server is gone for good: whoever waits for it is told so.
  func end() {
    device.withLock {
      if $0 >= 0 { close($0) }
      $0 = -1
    }
  }

  deinit { end() }

  static let isPossible =
    geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 && rootIsMounted() && mayUnshare()

  /// Not so in a chroot, where the mounts cannot be made private.
  private static func rootIsMounted() -> Bool {
    let mounts = String(decoding: (try? readFile("/proc/self/mountinfo")) ?? [], as: UTF8.self)
    return mounts.split(separator: "\n").contains { $0.split(separator: " ").dropFirst(4).first == "/" }
  }

  /// Tried in a thread of its own, which ends with its namespace.
  private static func mayUnshare() -> Bool {
    let monitor = Monitor()
    let result = Mutex<Bool?>(nil)
    guard
      startThread(
        name: "unshare",
        {
          let worked = leaveMountNamespace()
          monitor.withLock {
            result.withLock { $0 = worked }
            monitor.wakeAll()
          }
        })
    else { return false }
    return monitor.withLock {
      while result.withLock({ $0 }) == nil { monitor.wait() }
      return result.withLock { $0 } ?? false
    }
  }
}

/// unshare(CLONE_NEWNS), for the calling thread; Swift's Glibc module does not show it.
private func leaveMountNamespace() -> Bool {
  guard let function = dlsym(nil, "unshare") else { return false }
  return unsafeBitCast(function, to: (@convention(c) (Int32) -> Int32).self)(0x20000) == 0
}

@Suite struct StuckMountTests {
  @Test(.enabled(if: DeadMount.isPossible, "needs root, /dev/fuse and mount namespaces"))
  func `a real mount whose server is dead is told as timed out, then as what the kernel says`() async throws {
    let directory = try TemporaryDirectory()
    let results = try await onThread { try Self.scrapes(directory) }
    let series = { (error: String) in
      "node_filesystem_device_error{device=\"dead\",device_error=\"\(error)\",fstype=\"fuse\","
        + "mountpoint=\"\(directory.path("dead"))\"}"
    }
    for late in results[..<2] {
      #expect(late[series("mountpoint timeout")] == 1)
      #expect(late.keys.contains { $0.hasPrefix("node_filesystem_size_bytes{device=\"/dev/root\"") })
      #expect(late.count == 9 + 2)
    }
    let reasons = ["transport endpoint is not connected", "software caused connection abort"]
    #expect(reasons.contains { results[2][series($0)] == 1 })
    #expect(results[2].count == 9 + 2)
  }

  /// Three scrapes: while the call hangs, while it still hangs, and after the server's end.
  private static func scrapes(_ directory: TemporaryDirectory) throws -> [[String: Double]] {
    let path = directory.path("dead")
    try makeDirectory(path)
    try makeDirectory(directory.path("proc/1"))
    let mounts = "1 0 0:50 / \(path) rw - fuse dead rw\n2 0 8:1 / \(directory.path) rw - ext4 /dev/root rw\n"
    try replaceFile(directory.path("proc/1/mountinfo"), with: Array(mounts.utf8).span)
    let dead = try DeadMount(on: path)
    defer {
      dead.end()
      umount2(path, Int32(MNT_DETACH))
    }
    let host = Host(procfs: directory.path("proc"), rootfs: "/", log: Log(to: LogSink(descriptor: -1)))
    var collector = FilesystemCollector(options: NodeOptions.Filesystem())
    func scrape(seconds: Int64) throws -> [String: Double] {
      var batch = SeriesBatch()
      host.deadline = monotonicNanoseconds() + seconds * 1_000_000_000
      try collector.collect(into: &batch, from: host)
      return samples(batch)
    }
    let first = try scrape(seconds: 3)
    let second = try scrape(seconds: 60)
    dead.end()
    var last = try scrape(seconds: 60)
    while last.keys.contains(where: { $0.contains("mountpoint timeout") }) {
      usleep(1000)
      last = try scrape(seconds: 60)
    }
    return [first, second, last]
  }

  /// Runs `work` on a thread that ends with it, and with the namespace it may have gone into.
  private func onThread<Value: Sendable>(_ work: @Sendable @escaping () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let started = startThread(name: "scrapes") { continuation.resume(with: Result { try work() }) }
      if !started { continuation.resume(throwing: SystemError("pthread_create")) }
    }
  }
}
