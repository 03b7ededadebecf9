// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The journal cursors that Alloy, the Grafana Agent and promtail keep in their files of positions.
///
/// ```
/// positions:
///   ? path: cursor-loki.source.journal.read
///     labels: ""
///   : s=…;i=…;b=…;m=…;t=…;x=…
///   journal-system: s=…
/// ```
enum JournalLegacyCursor {
  private static let mostBytes = 16 << 20

  /// The cursor under `key` in the file at `path`; nil when there is none, or the file cannot be read.
  static func read(_ path: String, key: String) -> String? {
    guard let bytes = try? readFile(path, limit: mostBytes) else { return nil }
    return find(key, in: String(decoding: bytes, as: UTF8.self))
  }

  /// Line by line, for these files have keys no YAML value of ours could hold.
  static func find(_ key: String, in text: String) -> String? {
    var isKey = false
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("? ") || line.hasPrefix("path:") {
        isKey = value(after: "path:", in: line.hasPrefix("? ") ? line.dropFirst(2) : line) == key
      } else if isKey, line.hasPrefix(":") {
        return value(after: ":", in: line)
      } else if let value = value(after: "\(key):", in: line) ?? value(after: "\"\(key)\":", in: line) {
        return value
      }
    }
    return nil
  }

  private static func value(after prefix: String, in line: Substring) -> String? {
    let line = line.drop { $0 == " " }
    guard line.hasPrefix(prefix) else { return nil }
    var value = line.dropFirst(prefix.count).drop { $0 == " " }
    while value.last == " " { value.removeLast() }
    for quote in ["\"", "'"] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
      value = value.dropFirst().dropLast()
    }
    return String(value)
  }
}
