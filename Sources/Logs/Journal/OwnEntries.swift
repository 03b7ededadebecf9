// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux

/// Which entries of the journal this process wrote about the lines it ships.
///
/// Everything else the agent logs is shipped like any other program's. But what a component of the lines says (a hub
/// that refuses one, `loki.echo` that shows one) may come of shipping a line; shipped in turn it would come again, for
/// as long as the agent runs. These entries stay in the journal of this host.
struct OwnEntries {
  private let processID = Array("\(getpid())".utf8)
  private let since = UInt64(max(0, wallClockNanoseconds() / 1000))

  /// Whether the entry at which `handle` stands, and which `position` is after, is one. `line` is its message; nil where
  /// that has to be read.
  func contains(
    _ handle: JournalHandle, line: [UInt8]?, _ position: JournalPosition
  ) throws(SystemError) -> Bool {
    guard position.cursor.realtime >= since else { return false }
    var isAboutLines = false
    if let line {
      isAboutLines = isByComponentOfLines(line.span)
    } else {
      _ = try handle.withField("MESSAGE") { isAboutLines = isByComponentOfLines($0) }
    }
    guard isAboutLines else { return false }
    var isOwn = false
    _ = try handle.withField("_PID") { isOwn = equal($0, processID.span) }
    return isOwn
  }
}

/// Whether `line` is one of this program's, in either of its formats, and from a component called `loki.…`.
private func isByComponentOfLines(_ line: Span<UInt8>) -> Bool {
  if starts(line, with: "ts=") { return contains(line, " component_id=loki.") }
  return starts(line, with: "{\"ts\":") && contains(line, ",\"component_id\":\"loki.")
}

private func starts(_ line: Span<UInt8>, with text: StaticString) -> Bool {
  line.count >= text.utf8CodeUnitCount && equal(line, 0..<text.utf8CodeUnitCount, text)
}

private func contains(_ line: Span<UInt8>, _ text: StaticString) -> Bool {
  var next = 0
  while let start = firstIndex(of: unsafe text.utf8Start.pointee, in: line, next..<line.count) {
    if starts(line.extracting(droppingFirst: start), with: text) { return true }
    next = start + 1
  }
  return false
}
