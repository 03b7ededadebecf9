// SPDX-License-Identifier: Apache-2.0

import Linux

/// An entry of a journal that never was.
public struct FabricatedEntry: Sendable {
  /// Microseconds since 1970.
  public var realtime: UInt64
  /// Microseconds since the boot.
  public var monotonic: UInt64
  /// 32 hexadecimal digits.
  public var boot: String
  /// Names and values, in order.
  public var fields: [(name: String, value: [UInt8])]

  /// An entry with a message and other fields.
  public init(
    _ message: String?, at realtime: UInt64, boot: String = FabricatedEntry.boot, monotonic: UInt64? = nil,
    _ fields: KeyValuePairs<String, String> = [:]
  ) {
    self.realtime = realtime
    self.monotonic = monotonic ?? realtime - 1_699_999_999_000_000
    self.boot = boot
    self.fields = fields.map { ($0.key, Array($0.value.utf8)) }
    if let message { self.fields.append(("MESSAGE", Array(message.utf8))) }
  }

  /// The boot of entries that name no other.
  public static let boot = "be9377f73bba4f029b598d744e2c96fa"
  /// The time of a beginning, in microseconds.
  public static let epoch: UInt64 = 1_700_000_000_000_000

  /// In journald's export format.
  fileprivate func write(to text: inout [UInt8]) {
    for (name, value) in [
      ("__REALTIME_TIMESTAMP", "\(realtime)"), ("__MONOTONIC_TIMESTAMP", "\(monotonic)"), ("_BOOT_ID", boot),
      ("_MACHINE_ID", "3d1219c7c4c5404aaa1f6d2a48adfda4"),
    ] {
      text += Array("\(name)=\(value)\n".utf8)
    }
    for (name, value) in fields {
      text +=
        Array("\(name)\n".utf8) + (0..<8).map { UInt8(truncatingIfNeeded: value.count >> ($0 * 8)) } + value + [0x0a]
    }
    text.append(0x0a)
  }
}

/// Writes `entries` to the new journal file `path`, with systemd's own program.
public func fabricateJournal(_ path: String, _ entries: [FabricatedEntry]) throws {
  var text: [UInt8] = []
  for entry in entries { entry.write(to: &text) }
  let export = path + ".export"
  try replaceFile(export, with: text.span)
  defer { try? removeFile(export) }
  try Program.run("/lib/systemd/systemd-journal-remote", "--output=\(path)", export)
}
