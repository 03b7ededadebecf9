// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import RE2

/// A mount, with its labels.
struct Mount {
  var device: String
  var mountPoint: String
  var type: String
  var major: String
  var minor: String
  var readOnly: Bool
}

/// The mounts that are wanted, read again only when `mountinfo` says something new.
struct MountTable {
  /// In the order they are asked: those that wait for another machine last.
  private(set) var mounts: [Mount] = []
  /// How to ask each of `mounts`.
  private(set) var questions: [StatfsQuestion] = []
  /// Whether every line had the form we know.
  private(set) var complete = true

  private var content: [UInt8] = []

  private static let most = 10_000

  /// Takes `mountinfo` as it is now. Questions still without answer are kept, so that no mount is asked twice.
  mutating func update(_ bytes: Span<UInt8>, options: NodeOptions.Filesystem, rootfs: String) {
    if equal(content.span, bytes), !questions.isEmpty { return }
    content.removeAll(keepingCapacity: true)
    for index in 0..<bytes.count { content.append(bytes[index]) }
    let before = Dictionary(questions.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let parsed = parse(bytes, options, rootfs)
    let ordered = parsed.filter { !isRemote($0.mount.type) } + parsed.filter { isRemote($0.mount.type) }
    mounts = ordered.map(\.mount)
    questions = ordered.map { before[$0.path] ?? StatfsQuestion(path: $0.path) }
  }

  private typealias Parsed = (mount: Mount, path: [UInt8])

  private mutating func parse(_ bytes: Span<UInt8>, _ options: NodeOptions.Filesystem, _ rootfs: String) -> [Parsed] {
    var parsed: [Parsed] = []
    var seen: Set<[String]> = []
    var offset = 0
    complete = true
    while let line = nextLine(bytes, at: &offset), parsed.count < Self.most {
      guard let (mount, path) = parseMount(bytes, line, rootfs: rootfs) else {
        complete = false
        continue
      }
      if options.mountPointsExclude?.matches(mount.mountPoint) ?? false { continue }
      if options.fsTypesExclude?.matches(mount.type) ?? false { continue }
      guard seen.insert([mount.device, mount.mountPoint, mount.type, mount.major, mount.minor]).inserted else {
        continue
      }
      parsed.append((mount, path))
    }
    return parsed
  }
}

/// Whether answering takes another machine, or a program.
private func isRemote(_ type: String) -> Bool {
  ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "glusterfs", "lustre"].contains(type) || type.hasPrefix("fuse")
}

/// Parses a line of `mountinfo` and gives the mount and the path to ask statfs for, which ends with a 0:
///
///     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMount(_ bytes: Span<UInt8>, _ line: Range<Int>, rootfs: String) -> (mount: Mount, path: [UInt8])? {
  let fields = text(bytes, line).split(separator: " ", omittingEmptySubsequences: false)
  guard fields.count >= 10, fields[fields.count - 4] == "-" else { return nil }
  let device = fields[2].split(separator: ":", omittingEmptySubsequences: false)
  guard device.count == 2 else { return nil }
  let superOptions = fields[fields.count - 1].split(separator: ",")
  let readOnly =
    fields[5].split(separator: ",").contains("ro") || superOptions.contains("ro")
    || superOptions.contains("emergency_ro")

  // The path is taken from the bytes: it need not be UTF-8, and the label keeps most escapes.
  var place = line.lowerBound
  for _ in 0..<4 { _ = nextField(bytes, at: &place, before: line.upperBound) }
  guard let raw = nextField(bytes, at: &place, before: line.upperBound) else { return nil }
  let (label, path) = decodeMountPoint(bytes, raw)
  let root = rootfs == "/" ? "" : rootfs
  let mount = Mount(
    device: String(fields[fields.count - 2]), mountPoint: strip(root, from: label),
    type: String(fields[fields.count - 3]), major: String(device[0]), minor: String(device[1]), readOnly: readOnly)
  let inside = hasRoot(Array(root.utf8), path) ? path : Array(root.utf8) + path
  return (mount, inside + [0])
}

/// The label decodes the escapes of space and tab alone, as node_exporter does; the path decodes all.
private func decodeMountPoint(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (label: String, path: [UInt8]) {
  var (label, path): ([UInt8], [UInt8]) = ([], [])
  var index = range.lowerBound
  while index < range.upperBound {
    if bytes[index] == 0x5c, range.upperBound - index >= 4, let byte = octal(bytes, index + 1..<index + 4) {
      path.append(byte)
      if byte == 0x20 || byte == 0x09 {
        label.append(byte)
      } else {
        for offset in 0..<4 { label.append(bytes[index + offset]) }
      }
      index += 4
    } else {
      path.append(bytes[index])
      label.append(bytes[index])
      index += 1
    }
  }
  return (String(decoding: label, as: UTF8.self), path)
}

private func octal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt8? {
  var value = 0
  for index in range {
    guard bytes[index] &- 0x30 < 8 else { return nil }
    value = value * 8 + Int(bytes[index] &- 0x30)
  }
  return UInt8(exactly: value)
}

private func strip(_ root: String, from path: String) -> String {
  guard !root.isEmpty, hasRoot(Array(root.utf8), Array(path.utf8)) else { return path }
  return path == root ? "/" : String(path.dropFirst(root.count))
}

private func hasRoot(_ root: [UInt8], _ path: [UInt8]) -> Bool {
  guard !root.isEmpty, path.starts(with: root) else { return false }
  return path.count == root.count || path[root.count] == 0x2f
}
