// SPDX-License-Identifier: Apache-2.0

/// What the names tell that programs give to logs they set aside: `app.log.1`, `app.log-20260101`, `app.log.old`,
/// `app.log~`, `app-2026-01-01.log`, and the same with `.gz` and its like.
enum RotatedName {
  private static let compressions = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".Z"]

  /// Whether `name` says that the file is compressed.
  static func isCompressed(_ name: String) -> Bool { compressions.contains { name.hasSuffix($0) } }

  /// The names under which a file now called `name` may have been written.
  static func originals(of name: String) -> [String] {
    var bytes = Array(name.utf8)
    if let suffix = compressions.first(where: { name.hasSuffix($0) }) { bytes.removeLast(suffix.utf8.count) }
    var found: [String] = []
    for start in bytes.indices.dropFirst() where isSeparator(bytes[start]) {
      if isMark(bytes[start...]) { found.append(String(decoding: bytes[..<start], as: UTF8.self)) }
      for end in bytes.indices where end > start + 1 && bytes[end] == 0x2e && isLong(bytes[(start + 1)..<end]) {
        found.append(String(decoding: bytes[..<start] + bytes[end...], as: UTF8.self))
      }
    }
    return found
  }

  /// The number at the end of `name`, such as 2 of `app.log.2`: the higher, the older.
  static func number(of name: String) -> Int? {
    guard let dot = name.lastIndex(of: "."), name.distance(from: dot, to: name.endIndex) <= 5 else { return nil }
    return Int(name[name.index(after: dot)...])
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == 0x2e || byte == 0x2d || byte == 0x5f || byte == 0x7e
  }

  /// `.1`, `-20260101`, `.2026-01-01_10:00`, `.old`, `~`; not `-1`, which is as likely the name of another log.
  private static func isMark(_ mark: ArraySlice<UInt8>) -> Bool {
    let words = ["~", ".old", ".bak", ".prev", ".orig", ".backup", "-old", "_old", "-bak"]
    let rest = mark.dropFirst()
    return (mark.first == 0x2e ? isDate(rest) : isLong(rest)) || words.contains { $0.utf8.elementsEqual(mark) }
  }

  private static func isLong(_ bytes: ArraySlice<UInt8>) -> Bool {
    isDate(bytes) && bytes.count { $0 &- 0x30 < 10 } >= 6
  }

  /// Digits and what stands between those of dates.
  private static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.first.map { $0 &- 0x30 < 10 } == true
      && bytes.allSatisfy { $0 &- 0x30 < 10 || ".-_:+TZ".utf8.contains($0) }
  }
}
