// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Logs
internal import Syntax

/// What Alloy, the Grafana Agent or Promtail noted of the files they read: `positions.yml`.
///
/// Promtail's keys are paths; Alloy's are mappings of a path and labels. The values are offsets, written as text.
enum PositionsFile {
  /// More is no list of positions.
  private static let largest = 16 << 20

  /// The offsets by path in `own`, where Alloy's component of the same name keeps them, or else in `legacy`.
  static func takeOver(
    own: String, legacy: String, onDamage: FileSourceSettings.Beginning?, log: Log
  ) -> [String: FileSourceSettings.TakenOver] {
    for path in [own, legacy] where !path.isEmpty {
      let text: [UInt8]
      do throws(SystemError) { text = try readFile(path, limit: largest) } catch {
        if path == legacy { log.warn("the positions of the agent before this one cannot be read", ("err", "\(error)")) }
        continue
      }
      guard let found = read(text, onDamage: onDamage) else {
        log.error("this file has no positions that can be read; files are read as if nobody had", ("path", path))
        continue
      }
      if !found.isEmpty { return found }
    }
    return [:]
  }

  /// Line by line, for the one shape these programs write; nil for anything else.
  static func read(
    _ bytes: [UInt8], onDamage: FileSourceSettings.Beginning?
  ) -> [String: FileSourceSettings.TakenOver]? {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else { return nil }
    var found: [String: FileSourceSettings.TakenOver] = [:]
    var path: String?
    var isInside = false
    // `\r\n` is one character.
    for line in text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" }) {
      let content = line.drop { $0 == " " }
      if content.isEmpty || content.first == "#" || content == "---" { continue }
      if line.first != " " {
        guard content.hasPrefix("positions:") else { return nil }
        isInside = true
        continue
      }
      guard isInside else { return nil }
      if content.hasPrefix("? path:") {
        path = scalar(content.dropFirst(7))
      } else if content.hasPrefix("labels:") {
        continue
      } else if content.hasPrefix(": ") {
        guard let key = path else { return nil }
        found[key] = position(scalar(content.dropFirst(2)), onDamage)
        path = nil
      } else if let (key, value) = pair(content) {
        found[key] = position(value, onDamage)
      } else {
        return nil
      }
    }
    guard isInside else { return text.allSatisfy(\.isWhitespace) ? [:] : nil }
    return found.filter { !$0.key.hasPrefix("cursor-") && !$0.key.hasPrefix("journal-") }
  }

  private static func pair(_ line: Substring) -> (key: String, value: String)? {
    if let quote = line.first, quote == "\"" || quote == "'" {
      guard let end = line.dropFirst().firstIndex(of: quote), line[line.index(after: end)...].first == ":" else {
        return nil
      }
      return (scalar(line[...end]), scalar(line[line.index(end, offsetBy: 2)...]))
    }
    // A path may have a colon; the one that ends the key is followed by a space.
    let parts = line.split(separator: ": ", maxSplits: 1)
    return parts.count == 2 ? (scalar(parts[0]), scalar(parts[1])) : nil
  }

  private static func scalar(_ text: Substring) -> String {
    let trimmed = text.drop { $0 == " " }
    var end = trimmed
    while end.last == " " { end.removeLast() }
    guard end.count >= 2, let quote = end.first, quote == "\"" || quote == "'", end.last == quote else {
      return String(end)
    }
    let inner = String(end.dropFirst().dropLast())
    if quote == "'" { return inner.replacing("''", with: "'") }
    return inner.replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
  }

  private static func position(
    _ text: String, _ onDamage: FileSourceSettings.Beginning?
  ) -> FileSourceSettings.TakenOver {
    guard let offset = Int64(text), offset >= 0 else { return .damaged(onDamage) }
    return .offset(offset)
  }
}
