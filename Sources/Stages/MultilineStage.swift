// SPDX-License-Identifier: Apache-2.0

public import RE2

/// `stage.multiline`: joins lines to blocks, each of which begins with a line that matches.
///
/// Blocks are made by source and labels. A block ends when the next begins, when it is full, or when no line came for a
/// while; lines that come then without a beginning go on under the labels and the time of the block before. Lines before
/// the first beginning pass as they are.
public final class MultilineStage: Stage, HoldingStage {
  /// What ends a block.
  public struct Limits: Sendable {
    /// Lines in a block; 0 for as many as come.
    public var lines = 128
    /// Nanoseconds without another line.
    public var silence: Int64 = 3_000_000_000

    /// Alloy's.
    public init() {}
  }

  private struct Block {
    /// The first line's, with the block's text at the end of its bytes.
    var entry: LogEntry
    /// Where that text begins.
    var start: Int
    var lines = 0
    var lastLine: Int64 = 0
  }

  private static let streamsLimit = 1024
  /// What may be remembered of blocks that have ended, in bytes.
  private static let endedBytesLimit = 1 << 20

  private let firstLine: Pattern
  private let limits: Limits
  private let trimsNewlines: Bool
  private var streams = StreamIndex()
  private var blocks: [Block?] = []  // by number of stream
  private var released = EntryQueue()
  private var endedBytes = 0
  private(set) var heldBytes = 0
  private(set) var heldEntries = 0

  /// Joins lines to blocks that begin where `firstLine` matches.
  public init(firstLine: Pattern, limits: Limits, trimsNewlines: Bool) {
    self.firstLine = firstLine
    self.limits = limits
    self.trimsNewlines = trimsNewlines
  }

  /// Keeps the line, unless no block has begun yet.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    if streams.count >= Self.streamsLimit || endedBytes > Self.endedBytesLimit { forgetAll() }
    let isFirst = firstLine.matches(entry.bytes.span.extracting(entry.line))
    let (number, isNew) = streams.find(&entry)
    if isNew { blocks.append(nil) }
    guard isFirst else {
      guard var block = blocks[number] else { return .pass }
      blocks[number] = nil
      append(entry, to: &block, at: moment.monotonic)
      blocks[number] = block
      releaseIfFull(number)
      return .hold
    }
    end(number, remembers: false)
    begin(&entry, number, at: moment.monotonic)
    releaseIfFull(number)
    return .hold
  }

  private func begin(_ entry: inout LogEntry, _ number: Int, at monotonic: Int64) {
    var first = LogEntry()
    swap(&first, &entry)
    // A copy: what was extracted may lie in the line itself, which stays as it is.
    first.line = first.appendCopy(of: trimmed(first))
    heldEntries += first.tickets.count
    heldBytes += first.memoryBytes
    blocks[number] = Block(entry: first, start: first.line.lowerBound, lines: 1, lastLine: monotonic)
  }

  private func append(_ entry: LogEntry, to block: inout Block, at monotonic: Int64) {
    if block.lines == 0 { endedBytes -= block.entry.memoryBytes } else { heldBytes -= block.entry.memoryBytes }
    if block.lines > 0 { block.entry.bytes.append(0x0a) }
    unsafe entry.bytes.span.extracting(trimmed(entry)).withUnsafeBufferPointer {
      unsafe block.entry.bytes.append(contentsOf: $0)
    }
    block.entry.line = block.start..<block.entry.bytes.count
    block.entry.tickets += entry.tickets
    block.lines += 1
    block.lastLine = monotonic
    heldEntries += entry.tickets.count
    heldBytes += block.entry.memoryBytes
  }

  private func trimmed(_ entry: LogEntry) -> Range<Int> {
    guard trimsNewlines else { return entry.line }
    var end = entry.line.upperBound
    while end > entry.line.lowerBound, entry.bytes[end - 1] == 0x0a || entry.bytes[end - 1] == 0x0d { end -= 1 }
    return entry.line.lowerBound..<end
  }

  private func releaseIfFull(_ number: Int) {
    if limits.lines > 0, let lines = blocks[number]?.lines, lines >= limits.lines { end(number, remembers: true) }
  }

  /// Lets the block go, if there is one; what its first line said is remembered for lines that may follow.
  private func end(_ number: Int, remembers: Bool) {
    guard var block = blocks[number] else { return }
    blocks[number] = nil
    if block.lines > 0 {
      heldEntries -= block.entry.tickets.count
      heldBytes -= block.entry.memoryBytes
      released.append(block.entry)
      block.entry.tickets = []
      block.entry.bytes.removeLast(block.entry.bytes.count - block.start)
      block.entry.line = block.start..<block.start
      block.lines = 0
    } else {
      endedBytes -= block.entry.memoryBytes
    }
    guard remembers else { return }
    endedBytes += block.entry.memoryBytes
    blocks[number] = block
  }

  private func forgetAll() {
    for number in blocks.indices { end(number, remembers: false) }
    streams.removeAll()
    blocks.removeAll()
  }

  // MARK: HoldingStage

  var nextDeadline: Int64? {
    var earliest: Int64?
    for block in blocks {
      if let block, block.lines > 0 { earliest = min(earliest ?? .max, block.lastLine + limits.silence) }
    }
    return earliest
  }

  func releaseDue(at monotonic: Int64) {
    for number in blocks.indices {
      guard let block = blocks[number], block.lines > 0, block.lastLine + limits.silence <= monotonic else { continue }
      end(number, remembers: true)
    }
  }

  func releaseAll(of source: Int?) {
    for number in blocks.indices {
      guard let block = blocks[number], block.lines > 0, source == nil || block.entry.source == source else { continue }
      end(number, remembers: true)
    }
  }

  func forget(_ source: Int) {
    for number in blocks.indices {
      guard let block = blocks[number], block.entry.source == source else { continue }
      if block.lines > 0 {
        heldEntries -= block.entry.tickets.count
        heldBytes -= block.entry.memoryBytes
      } else {
        endedBytes -= block.entry.memoryBytes
      }
      blocks[number] = nil
    }
  }

  var hasReleased: Bool { !released.isEmpty }

  func takeReleased(into entry: inout LogEntry) -> Bool { released.takeFirst(into: &entry) }
}
