// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import RE2
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import NodeMetrics

@Suite struct FilesystemCollectorTests {
  private let numbers = FilesystemNumbers(
    blockSize: 4096, blocks: 1000, freeBlocks: 500, availableBlocks: 400, files: 100, freeFiles: 60)

  // MARK: mountinfo

  private func parse(_ line: String, rootfs: String = "/") -> (mount: Mount, path: String)? {
    let bytes = Array(line.utf8)
    let parsed = parseMount(bytes.span, 0..<bytes.count, rootfs: rootfs)
    return parsed.map { ($0.mount, String(decoding: $0.path.dropLast(), as: UTF8.self)) }
  }

  @Test func `a line of mountinfo is read from both ends`() throws {
    let got = try #require(parse("36 35 98:0 /m /mnt/a rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=c"))
    #expect(got.path == "/mnt/a")
    #expect(got.mount.mountPoint == "/mnt/a" && got.mount.type == "ext3" && got.mount.device == "/dev/root")
    #expect(got.mount.major == "98" && got.mount.minor == "0" && !got.mount.readOnly)
    #expect(try #require(parse("36 35 98:0 / /a rw - ext3 /dev/root rw")).mount.device == "/dev/root")
  }

  @Test(arguments: [
    "", "36 35 98:0 / /a rw - ext3 /dev/root", "36 35 98:0 / /a rw shared:1 ext3 /dev/root rw x",
    "36 35 98 / /a rw - ext3 /dev/root rw", "a b c",
  ])
  func `a line of another form is refused`(line: String) {
    #expect(parse(line) == nil)
  }

  @Test func `the label decodes space and tab alone, the path everything`() throws {
    let got = try #require(parse(#"36 35 98:0 / /a\040b\011c\134d\012e\9 rw - ext3 /dev/x rw"#))
    #expect(got.mount.mountPoint == "/a b\tc\\134d\\012e\\9")
    #expect(got.path == "/a b\tc\\d\ne\\9")
  }

  @Test(arguments: [
    ("ro,relatime", "rw", true), ("rw", "ro", true), ("rw", "rw,emergency_ro", true),
    ("rw", "rw,errors=remount-ro", false),
  ])
  func `read-only is told by the mount or by the file system`(options: String, superOptions: String, expected: Bool) {
    #expect(parse("1 2 8:1 / /a \(options) - ext4 /dev/a \(superOptions)")?.mount.readOnly == expected)
  }

  @Test(arguments: [
    ("/host", "/", "/host/"), ("/host/media/x", "/media/x", "/host/media/x"), ("/hostel", "/hostel", "/host/hostel"),
    ("/host", "/", "/host"),
  ])
  func `the root's prefix is taken from the label`(mountPoint: String, label: String, path: String) throws {
    let got = try #require(parse("1 2 8:1 / \(mountPoint) rw - ext4 /dev/a rw", rootfs: "/host"))
    #expect(got.mount.mountPoint == label)
    #expect(got.path == (mountPoint == "/hostel" ? path : mountPoint))
  }

  // MARK: collecting

  private let mounts = """
    1 0 8:1 / / rw - ext4 /dev/a rw
    2 1 0:5 / /proc rw - proc proc rw
    3 1 0:9 / /srv/nfs rw - nfs4 server:/x rw
    4 1 0:7 / /run/x rw - tmpfs tmpfs rw
    5 1 8:1 / / rw - ext4 /dev/a rw
    6 1 0:8 / /sys/fs/x rw - ext4 /dev/b rw
    7 1 8:2 / /data ro - xfs /dev/c rw

    """

  private func labels(_ mount: String, error: String = "") -> String {
    let known = [
      "/": ("/dev/a", "ext4"), "/srv/nfs": ("server:/x", "nfs4"), "/run/x": ("tmpfs", "tmpfs"),
      "/data": ("/dev/c", "xfs"),
    ]
    let (device, type) = known[mount] ?? ("", "")
    let reason = error.isEmpty ? "" : "device_error=\"\(error)\","
    return "{device=\"\(device)\",\(reason)fstype=\"\(type)\",mountpoint=\"\(mount)\"}"
  }

  @Test func `every mount that is wanted is told once, with its numbers`() throws {
    let fake = try FakeHost(["proc/1/mountinfo": mounts])
    let numbers = numbers
    var collector = FilesystemCollector(options: NodeOptions.Filesystem()) { _ in .numbers(numbers) }
    let host = Host(procfs: fake.host.procfs, rootfs: "/")
    var batch = SeriesBatch()
    try collector.collect(into: &batch, from: host)
    let got = samples(batch)
    #expect(got.count == 4 * 9)
    for (name, value) in [
      ("size_bytes", 4_096_000.0), ("free_bytes", 2_048_000), ("avail_bytes", 1_638_400), ("files", 100),
      ("files_free", 60), ("purgeable_bytes", 0), ("readonly", 1), ("device_error", 0),
    ] {
      #expect(got["node_filesystem_\(name)\(labels("/data"))"] == value, "\(name)")
    }
    #expect(got["node_filesystem_readonly\(labels("/"))"] == 0)
    #expect(got[#"node_filesystem_mount_info{device="/dev/c",major="8",minor="2",mountpoint="/data"}"#] == 1)
  }

  @Test func `a mount that gives an error has its reason and no numbers`() throws {
    let fake = try FakeHost(["proc/1/mountinfo": "1 0 8:1 / / ro - ext4 /dev/a rw\n"])
    let answers = [
      (EACCES, "permission denied"), (ESTALE, "stale NFS file handle"), (EIO, "input/output error"),
      (ENOTCONN, "transport endpoint is not connected"),
    ]
    for (number, reason) in answers {
      var collector = FilesystemCollector(options: NodeOptions.Filesystem()) { _ in .failed(errno: number) }
      var batch = SeriesBatch()
      try collector.collect(into: &batch, from: Host(procfs: fake.host.procfs, rootfs: "/"))
      #expect(
        samples(batch) == [
          "node_filesystem_device_error\(labels("/", error: reason))": 1,
          "node_filesystem_readonly\(labels("/", error: reason))": 1,
        ])
    }
  }

  @Test func `our own mounts serve only where those of process 1 are hidden`() throws {
    let fake = try FakeHost(["proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/a rw\n"])
    let numbers = numbers
    var collector = FilesystemCollector(options: NodeOptions.Filesystem()) { _ in .numbers(numbers) }
    #expect(try fake.collect(&collector).count == 9)
    try fake.write("proc/1/mountinfo", "1 0 8:1 / / rw - ext4 /dev/b rw\nbroken\n")
    var batch = SeriesBatch()
    #expect(throws: CollectorError.unexpectedContent("mountinfo")) {
      try collector.collect(into: &batch, from: fake.host)
    }
    #expect(samples(batch).count == 9 && samples(batch).keys.allSatisfy { $0.contains("/dev/b") })
  }

  // MARK: stuck mounts

  /// A statfs that hangs on chosen paths until it is let go, and counts its calls.
  private final class Hanging: Sendable {
    struct State {
      var stuck: Set<String> = []
      var calls: [String: Int] = [:]
      var running: Set<String> = []
      var overlapped = false
    }
    let state = Mutex(State())

    func call(_ path: [UInt8]) -> StatfsAnswer {
      let path = String(decoding: path.dropLast(), as: UTF8.self)
      state.withLock {
        $0.calls[path, default: 0] += 1
        if !$0.running.insert(path).inserted { $0.overlapped = true }
      }
      while state.withLock({ $0.stuck.contains(path) }) { usleep(1000) }
      state.withLock { _ = $0.running.remove(path) }
      return .numbers(FilesystemNumbers(blockSize: 1, blocks: 7))
    }

    func stick(_ paths: String...) { state.withLock { $0.stuck = Set(paths) } }
    func calls(_ path: String) -> Int { state.withLock { $0.calls[path] ?? 0 } }
  }

  private func pool(_ hanging: Hanging) -> StatfsPool { StatfsPool { hanging.call($0) } }

  private func ask(_ pool: StatfsPool, _ questions: [StatfsQuestion], seconds: Double) -> [Double?] {
    var answers: [StatfsAnswer] = []
    pool.ask(questions, until: monotonicNanoseconds() + Int64(seconds * 1e9), answers: &answers)
    return answers.map { $0.numbers?.blocks }
  }

  private func questions(_ paths: String...) -> [StatfsQuestion] {
    paths.map { StatfsQuestion(path: Array($0.utf8) + [0]) }
  }

  @Test func `a stuck mount is late, its neighbours are not, and it is never asked twice at once`() {
    let hanging = Hanging()
    let pool = pool(hanging)
    let questions = questions("/a", "/stuck", "/b")
    hanging.stick("/stuck")
    #expect(ask(pool, questions, seconds: 3) == [7, nil, 7])
    // It is not waited for again.
    let start = monotonicNanoseconds()
    for _ in 0..<5 { #expect(ask(pool, questions, seconds: 60) == [7, nil, 7]) }
    #expect(monotonicNanoseconds() - start < 30_000_000_000)
    #expect(hanging.calls("/stuck") == 1 && hanging.calls("/a") == 6)
    while pool.threadCount > 2 { usleep(1000) }  // one for the stuck, one for the others
    hanging.stick()
    while ask(pool, questions, seconds: 60) != [7, 7, 7] { usleep(1000) }
    // The call that came back late may have been that answer; from now on it is asked again each time.
    let calls = hanging.calls("/stuck")
    #expect(ask(pool, questions, seconds: 60) == [7, 7, 7])
    #expect(hanging.calls("/stuck") == calls + 1)
    #expect(!hanging.state.withLock { $0.overlapped })
  }

  @Test func `threads grow with the mounts that are stuck, to a limit, and end when those come back`() {
    let hanging = Hanging()
    let pool = pool(hanging)
    let stuck = (0..<20).map { "/stuck\($0)" }
    hanging.state.withLock { $0.stuck = Set(stuck) }
    let all = stuck.map { StatfsQuestion(path: Array($0.utf8) + [0]) }
    #expect(ask(pool, all, seconds: 60).allSatisfy { $0 == nil })
    #expect(pool.threadCount == 16)
    // With every thread stuck there is nobody left to ask: that is told at once.
    #expect(ask(pool, questions("/healthy"), seconds: 60) == [nil])
    #expect(hanging.calls("/healthy") == 0)
    hanging.stick()
    while ask(pool, all, seconds: 60).contains(nil) { usleep(1000) }
    while pool.threadCount > 1 { usleep(1000) }
    #expect(!hanging.state.withLock { $0.overlapped })
  }

  @Test func `the wait ends with the scrape, and the mount is told as timed out`() throws {
    let fake = try FakeHost(["proc/1/mountinfo": mounts])
    let hanging = Hanging()
    hanging.stick("/srv/nfs")
    var collector = FilesystemCollector(options: NodeOptions.Filesystem()) { hanging.call($0) }
    let host = Host(procfs: fake.host.procfs, rootfs: "/")
    host.deadline = monotonicNanoseconds() + 3_000_000_000
    var batch = SeriesBatch()
    try collector.collect(into: &batch, from: host)
    let got = samples(batch)
    #expect(got["node_filesystem_device_error\(labels("/srv/nfs", error: "mountpoint timeout"))"] == 1)
    #expect(got["node_filesystem_readonly\(labels("/srv/nfs", error: "mountpoint timeout"))"] == 0)
    #expect(got.count == 3 * 9 + 2)

    // The list of mounts changes: the question that hangs is known again.
    try fake.write("proc/1/mountinfo", mounts + "8 1 8:9 / /new rw - ext4 /dev/n rw\n")
    batch.removeAll()
    host.deadline = monotonicNanoseconds() + 60_000_000_000
    try collector.collect(into: &batch, from: host)
    #expect(samples(batch).count == 4 * 9 + 2)
    #expect(hanging.calls("/srv/nfs") == 1)
    hanging.stick()
  }

  @Test func `mounts of other machines are asked last`() throws {
    var table = MountTable()
    let bytes = Array(mounts.utf8)
    table.update(bytes.span, options: NodeOptions.Filesystem(), rootfs: "/")
    #expect(table.mounts.map(\.mountPoint) == ["/", "/run/x", "/data", "/srv/nfs"])
  }
}
