// SPDX-License-Identifier: Apache-2.0

/// `stage.cri`: reads lines as container runtimes write them, and joins those that were written in parts.
///
/// The parts of a line are kept until its end comes, by source and labels, of which `stream` is one. A line whose end has
/// not come after ten seconds is emitted as it is.
public final class CRIStage: Stage, HoldingStage {
  /// What bounds lines that come in parts.
  public struct Limits: Sendable {
    /// How many lines may be without their ends; all are emitted as they are when one more comes.
    public var lines = 100
    /// The length in bytes to which a line that came in parts is cut; nil for no cut.
    public var bytes: Int?

    /// Alloy's.
    public init() {}
  }

  private static let longestWait: Int64 = 10_000_000_000
  private static let streamsLimit = 4096
  /// The names of what is extracted, and the flag of a line without one, to be appended to an entry in one go.
  private let names = Array("timestreamflagscontentF".utf8)

  private struct Partial {
    var entry: LogEntry
    var start: Int  // of the text so far, which lies at the end of the entry's bytes
    var since: Int64
  }

  private let limits: Limits
  private var clock = RFC3339Clock()
  private var streams = StreamIndex()
  private var places: [Int] = []  // in `partials`, by number of stream; negative for none
  private var partials: [(stream: Int, partial: Partial)] = []
  private var released = EntryQueue()
  private(set) var heldBytes = 0
  private(set) var heldEntries = 0

  /// How many lines were emitted without their ends.
  public private(set) var flushed = 0
  /// How many were cut.
  public private(set) var truncated = 0

  /// Joins lines within `limits`.
  public init(_ limits: Limits) { self.limits = limits }

  /// Reads the line; keeps it when it is a part.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let line = CRILine(entry.bytes.span, entry.line) else { return .pass }
    let isPart = line.flag.map { entry.bytes[$0.lowerBound] == UInt8(ascii: "P") } ?? false
    let names = entry.append(names).lowerBound
    entry.setExtracted(nameAt: names..<names + 4, to: .text(line.time))
    entry.setExtracted(nameAt: names + 4..<names + 10, to: .text(line.stream))
    entry.setExtracted(nameAt: names + 10..<names + 15, to: .text(line.flag ?? names + 22..<names + 23))
    entry.setExtracted(nameAt: names + 15..<names + 22, to: .text(line.content))
    entry.setLabel(nameAt: names + 4..<names + 10, to: line.stream)
    entry.line = line.content
    if let time = clock.nanoseconds(entry.bytes.span.extracting(line.time)) { entry.timestampNanoseconds = time }
    guard isPart || !partials.isEmpty else { return .pass }
    let number = number(of: &entry)
    guard isPart else { return finish(&entry, number) }
    keep(&entry, number, at: moment.monotonic)
    return .hold
  }

  private func number(of entry: inout LogEntry) -> Int {
    if streams.count >= Self.streamsLimit {
      releaseAll(of: nil)
      streams.removeAll()
      places.removeAll()
    }
    let (number, isNew) = streams.find(&entry)
    if isNew { places.append(-1) }
    return number
  }

  private func keep(_ entry: inout LogEntry, _ number: Int, at monotonic: Int64) {
    guard places[number] < 0 else {
      let place = places[number]
      append(entry, to: &partials[place].partial)
      return
    }
    if partials.count >= limits.lines { releaseAll(of: nil) }
    var kept = LogEntry()
    swap(&entry, &kept)
    let text = kept.appendCopy(of: kept.line)
    kept.line = text
    places[number] = partials.count
    heldEntries += kept.tickets.count
    heldBytes += kept.memoryBytes
    partials.append((number, Partial(entry: kept, start: text.lowerBound, since: monotonic)))
    cut(&partials[places[number]].partial)
  }

  private func append(_ part: LogEntry, to partial: inout Partial) {
    heldBytes -= partial.entry.memoryBytes
    unsafe part.bytes.span.extracting(part.line).withUnsafeBufferPointer {
      unsafe partial.entry.bytes.append(contentsOf: $0)
    }
    partial.entry.line = partial.start..<partial.entry.bytes.count
    partial.entry.timestampNanoseconds = part.timestampNanoseconds
    partial.entry.tickets += part.tickets
    heldEntries += part.tickets.count
    cut(&partial)
    heldBytes += partial.entry.memoryBytes
  }

  private func cut(_ partial: inout Partial) {
    guard let limit = limits.bytes, partial.entry.line.count > limit else { return }
    truncated += 1
    partial.entry.bytes.removeLast(partial.entry.line.count - limit)
    partial.entry.line = partial.start..<partial.entry.bytes.count
  }

  /// Puts the parts before an end that came.
  private func finish(_ entry: inout LogEntry, _ number: Int) -> StageOutcome {
    guard places[number] >= 0 else { return .pass }
    let partial = remove(places[number])
    let start = entry.bytes.count
    unsafe partial.bytes.span.extracting(partial.line).withUnsafeBufferPointer {
      unsafe entry.bytes.append(contentsOf: $0)
    }
    entry.appendCopy(of: entry.line)
    if let limit = limits.bytes, entry.bytes.count - start > limit {
      truncated += 1
      entry.bytes.removeLast(entry.bytes.count - start - limit)
    }
    entry.line = start..<entry.bytes.count
    entry.tickets = partial.tickets + entry.tickets
    return .pass
  }

  private func remove(_ place: Int) -> LogEntry {
    let (stream, partial) = partials.remove(at: place)
    places[stream] = -1
    for index in place..<partials.count { places[partials[index].stream] = index }
    heldEntries -= partial.entry.tickets.count
    heldBytes -= partial.entry.memoryBytes
    return partial.entry
  }

  private func release(where isReleased: (Partial) -> Bool) {
    var place = 0
    while place < partials.count {
      if isReleased(partials[place].partial) {
        released.append(remove(place))
        flushed += 1
      } else {
        place += 1
      }
    }
  }

  // MARK: HoldingStage

  var nextDeadline: Int64? { partials.map { $0.partial.since + Self.longestWait }.min() }

  func releaseDue(at monotonic: Int64) { release { $0.since + Self.longestWait <= monotonic } }

  func releaseAll(of source: Int?) { release { source == nil || $0.entry.source == source } }

  func forget(_ source: Int) {
    var place = 0
    while place < partials.count {
      if partials[place].partial.entry.source == source { _ = remove(place) } else { place += 1 }
    }
  }

  var hasReleased: Bool { !released.isEmpty }

  func takeReleased(into entry: inout LogEntry) -> Bool { released.takeFirst(into: &entry) }
}
