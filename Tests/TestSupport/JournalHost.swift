// SPDX-License-Identifier: Apache-2.0

public import Glibc
import Linux
public import Testing

/// A journald of the test's own, in a mount namespace of its own.
public final class JournalHost: Sendable {
  /// Where its files are, as this process sees it.
  public let directory: String
  /// The process whose mount namespace it is in.
  public var id: pid_t { daemon.id }
  private let daemon: Program
  private let socket: String

  /// Whether this machine lets a test have one: root that may make mount namespaces, and journald to start in one.
  public static let isPossible =
    geteuid() == 0 && fileKind("/lib/systemd/systemd-journald") == .regular
    && (try? Program.run("unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/run")) != nil

  /// Why not.
  public static let needs: Comment = "needs root, mount namespaces and systemd-journald"

  /// Starts it with its files below `directory`; small limits make it rotate and remove files. One for a journal
  /// namespace does without settings.
  public init(
    in directory: String, settings: String = "SystemMaxFileSize=512K\nSystemMaxUse=3M",
    namespace: String = ""
  ) async throws {
    self.directory = directory + "/journal"
    try makeDirectory(self.directory)
    let defaults =
      "[Journal]\nReadKMsg=no\nStorage=persistent\nRateLimitIntervalSec=0\nRateLimitBurst=0\nSyncIntervalSec=0\n"
    try replaceFile(directory + "/journald.conf", with: Array((defaults + settings + "\n").utf8).span)
    daemon = try Program(
      ["unshare", "-m", "--propagation", "private", "bash", "-c", Self.script, "journald", directory, namespace],
      output: directory + "/journald.out")
    socket = "/proc/\(daemon.id)/root/run/systemd/journal\(namespace.isEmpty ? "" : ".\(namespace)")/socket"
    await eventually("journald listens") { fileKind(socket) != nil }
  }

  private static let script = """
    set -e
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/journal "/run/systemd/journal.$2" /run/log/journal /var/log/journal
    mount --bind "$1/journal" /var/log/journal
    [ -f /etc/systemd/journald.conf ] && mount --bind "$1/journald.conf" /etc/systemd/journald.conf
    touch /run/systemd/journal/flushed
    exec /lib/systemd/systemd-journald $2
    """

  /// Writes an entry. Waits while journald is busy.
  public func write(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) throws {
    var packet: [UInt8] = []
    for (name, value) in fields.map({ ($0.key, $0.value) }) + [("MESSAGE", message)] {
      let size = value.utf8.count
      packet += Array("\(name)\n".utf8) + (0..<8).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) }
      packet += Array(value.utf8) + [0x0a]
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
    let sender = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
    let sent = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(sender.number, packet, packet.count, 0, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard sent == packet.count else { throw SystemError("write to journald", socket) }
  }

  /// Makes it begin new files.
  public func rotate() { daemon.signal(SIGUSR2) }
}
