// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `stage.decolorize`: removes what terminals take for colours and movements: `ESC [ … letter`.
public final class DecolorizeStage: Stage {
  private static let escape: UInt8 = 0x1b

  /// A stage without arguments.
  public init() {}

  /// Removes them from the line.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard var next = firstIndex(of: Self.escape, in: entry.bytes.span, entry.line) else { return .pass }
    let start = entry.bytes.count
    let end = entry.line.upperBound
    var kept = entry.line.lowerBound
    while true {
      let after = Self.end(ofSequenceAt: next, in: entry.bytes.span, before: end)
      if let after {
        entry.appendCopy(of: kept..<next)
        kept = after
      }
      guard let found = firstIndex(of: Self.escape, in: entry.bytes.span, (after ?? next + 1)..<end) else { break }
      next = found
    }
    entry.appendCopy(of: kept..<end)
    entry.line = start..<entry.bytes.count
    return .pass
  }

  /// Where the sequence ends that begins at `start`; nil when there is none.
  private static func end(ofSequenceAt start: Int, in bytes: Span<UInt8>, before end: Int) -> Int? {
    guard start + 1 < end, bytes[start + 1] == UInt8(ascii: "[") else { return nil }
    var index = start + 2
    while index < end, (0x20...0x3f).contains(bytes[index]) { index += 1 }
    return index < end && (0x40...0x7e).contains(bytes[index]) ? index + 1 : nil
  }
}
