// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// Stages in order, and what they keep.
///
/// Batches go in and come out in order. What stages keep of a source holds back all later entries of that source and its
/// position, within limits: see `releaseWithinLimits`.
///
/// It has no copies, for its stages keep what they know in objects. It is no object itself, so that a line does not pay for
/// checks of exclusive access to each of its properties.
public struct Pipeline: ~Copyable {
  /// What came of a batch.
  public enum Progress {
    /// These are to be handed on, in order.
    case finished([LogBatch])
    /// These are to be handed on; the rest has to wait until that moment of the monotonic clock, then `resume`.
    case waiting(until: Int64, [LogBatch])
  }

  /// Something with a position, as the pipeline tells it from others.
  private struct SourceKey: Hashable {
    var origin: String
    var route: [String]
    var name: [UInt8]?
  }

  /// What may be kept of all sources together before entries leave out of order.
  static let heldBytesLimit = 1 << 20
  static let heldEntriesLimit = 5000
  /// How long an entry waits behind one that is kept, in nanoseconds.
  static let longestWait: Int64 = 5_000_000_000
  /// How long entries of a batch that has to wait for its rate may be collected, in nanoseconds.
  private static let waitBetweenParts: Int64 = 1_000_000_000
  private static let sourcesLimit = 4096

  private let stages: [any Stage]
  private let holders: [(any HoldingStage)?]
  private let holds: Bool
  private var dropCounts: [Int]

  private var numbers: [SourceKey: Int] = [:]
  private var ledgers: [SourceLedger] = []  // by number
  private var unusedNumbers: [Int] = []
  private var waitingBytes = 0
  private var waitingEntries = 0
  private var touched: [Int] = []

  private var interner = LabelInterner()
  private var packed: [UInt8] = []
  private var working = LogEntry()
  private var spares: [LogEntry] = []

  private var input = LogBatch()
  private var inputNumbers: [Int] = []  // of each of its sources, and of what has none
  private var lastSettled: [Int] = []  // the entry up to which each source is settled, where nothing of it waits
  private var cursor = 0
  private var partBegan: Int64 = 0
  private var waitUntil: Int64 = .min
  private var outputs: [OutputBatch] = []
  private var main = -1  // the one of `outputs` that continues the input

  /// The pipeline that `steps` describe.
  public init(_ steps: [PipelineStep]) {
    var stages: [any Stage] = []
    Self.append(steps, to: &stages)
    self.stages = stages
    holders = stages.map { $0 as? any HoldingStage }
    holds = holders.contains { $0 != nil }
    dropCounts = Array(repeating: 0, count: stages.count)
  }

  /// Nested steps stand in line with the others, behind a stage that skips them for entries it does not select.
  private static func append(_ steps: [PipelineStep], to stages: inout [any Stage]) {
    for step in steps {
      switch step {
      case .stage(let make): stages.append(make())
      case .match(let selector, let steps):
        var nested: [any Stage] = []
        append(steps, to: &nested)
        stages.append(MatchStage(selector, skips: nested.count))
        stages += nested
      }
    }
  }

  // MARK: Batches

  /// Puts a batch through the stages; after `waiting`, `resume` has to follow, or `abandon`.
  public mutating func process(_ batch: LogBatch, at moment: Moment) -> Progress {
    input = batch
    cursor = 0
    lastSettled = Array(repeating: -1, count: batch.sources.count)
    if holds { identifySources(at: moment) }
    beginPart(at: moment)
    return advance(at: moment)
  }

  /// Goes on with the batch that had to wait.
  public mutating func resume(at moment: Moment) -> Progress { advance(at: moment) }

  /// Forgets the batch that had to wait.
  public mutating func abandon() {
    input = LogBatch()
    cursor = 0
    outputs = []
    main = -1
  }

  private mutating func advance(at moment: Moment) -> Progress {
    var entry = LogEntry()
    swap(&entry, &working)
    defer { swap(&entry, &working) }
    waitUntil = .min
    while cursor < input.entries.count {
      take(&entry, at: moment)
      cursor += 1
      if waitUntil > moment.monotonic { return .waiting(until: waitUntil, part(at: moment)) }
    }
    return .finished(finish())
  }

  /// Puts the entry at the cursor through the stages.
  private mutating func take(_ entry: inout LogEntry, at moment: Moment) {
    let place = input.entries[cursor]
    entry.load(place, of: input)
    guard holds else { return run(&entry, from: 0, at: moment) }
    let number = place.source < 0 ? inputNumbers[input.sources.count] : inputNumbers[Int(place.source)]
    entry.source = number
    entry.tickets.append(ledgers[number].takeTicket())
    if !ledgers[number].isEmpty { open(number) }
    run(&entry, from: 0, at: moment)
    if !touched.isEmpty { drainTouched() }
    if !ledgers[number].isEmpty, isOverLimits { releaseWithinLimits(at: moment) }
  }

  private mutating func run(_ entry: inout LogEntry, from first: Int, at moment: Moment) {
    var index = first
    while index < stages.count {
      switch stages[index].process(&entry, at: moment) {
      case .pass: if let holder = holders[index] { letGo(holder, index, at: moment) }
      case .skip(let count): index += count
      case .passThenWait(let until): waitUntil = max(waitUntil, until)
      case .drop:
        dropCounts[index] += 1
        return settle(&entry, isEmitted: false, at: moment)
      case .hold:
        guard let holder = holders[index] else { preconditionFailure("BUG: a stage that cannot hold an entry did") }
        noteHeld()
        return letGo(holder, index, at: moment)
      }
      index += 1
    }
    settle(&entry, isEmitted: true, at: moment)
  }

  /// Puts what a stage has let go through the stages after it.
  private mutating func letGo(_ holder: any HoldingStage, _ index: Int, at moment: Moment) {
    guard holder.hasReleased else { return }
    var released = spares.popLast() ?? LogEntry()
    while holder.takeReleased(into: &released) {
      released.inputLabels = -1
      run(&released, from: index + 1, at: moment)
    }
    if spares.count < 16, released.bytes.capacity <= 65536 { spares.append(released) }
  }

  private mutating func settle(_ entry: inout LogEntry, isEmitted: Bool, at moment: Moment) {
    guard holds, !ledgers[entry.source].isEmpty else { return settleAtOnce(&entry, isEmitted: isEmitted) }
    ledgers[entry.source].settle(entry.tickets)
    if isEmitted { ledgers[entry.source].wait(&entry, labels: labels(of: &entry), since: moment.monotonic) }
    touched.append(entry.source)
  }

  /// Nothing of its source waits, so it is the entry at the cursor.
  private mutating func settleAtOnce(_ entry: inout LogEntry, isEmitted: Bool) {
    let place = input.entries[cursor]
    if isEmitted {
      let labels = labels(of: &entry)
      outputs[main].append(&entry, labels: labels, at: place, of: input)
    }
    if place.source >= 0 { lastSettled[Int(place.source)] = cursor }
  }

  private mutating func labels(of entry: inout LogEntry) -> LabelSet {
    if entry.inputLabels >= 0, entry.areLabelsUnchanged { return input.labelSets[Int(entry.inputLabels)] }
    packed.removeAll(keepingCapacity: true)
    entry.packLabels(into: &packed)
    return interner.set(for: packed)
  }

  // MARK: Sources

  private mutating func identifySources(at moment: Moment) {
    if numbers.count >= Self.sourcesLimit { forgetIdleSources() }
    inputNumbers.removeAll(keepingCapacity: true)
    for source in input.sources { inputNumbers.append(number(of: source.name)) }
    inputNumbers.append(number(of: nil))
    for number in inputNumbers where ledgers[number].audience != input.audience {
      // What some destinations lacked ends here: what is kept of it is complete, and goes before the rest.
      if !ledgers[number].isEmpty { releaseAll(of: number, at: moment) }
      ledgers[number].audience = input.audience
    }
  }

  private mutating func number(of name: [UInt8]?) -> Int {
    let key = SourceKey(origin: input.origin, route: input.route, name: name)
    if let known = numbers[key] { return known }
    let ledger = SourceLedger(origin: input.origin, route: input.route, name: name, audience: input.audience)
    let number = unusedNumbers.popLast() ?? ledgers.count
    if number < ledgers.count { ledgers[number] = ledger } else { ledgers.append(ledger) }
    numbers[key] = number
    return number
  }

  private mutating func forgetIdleSources() {
    for (key, number) in numbers where ledgers[number].isEmpty { forget(key, number) }
  }

  private mutating func forget(_ key: SourceKey, _ number: Int) {
    for holder in holders { holder?.forget(number) }
    ledgers[number].removeAll()
    account(number)
    numbers[key] = nil
    unusedNumbers.append(number)
  }

  /// Forgets what is kept of `origin`, which will read it again.
  public mutating func forget(_ origin: String) {
    for (key, number) in numbers where key.origin == origin { forget(key, number) }
  }

  private var currentNumber: Int {
    let source = input.entries[cursor].source
    return inputNumbers[source < 0 ? input.sources.count : Int(source)]
  }

  /// Notes that the entry at the cursor is kept, unless an earlier one was and so it is noted already.
  private mutating func noteHeld() {
    guard cursor < input.entries.count, ledgers[currentNumber].isEmpty else { return }
    noteReached(Int(input.entries[cursor].source))
    open(currentNumber)
  }

  private mutating func open(_ number: Int) {
    let place = input.entries[cursor]
    let prefix = place.source < 0 ? [] : input.sources[Int(place.source)].positionPrefix
    let positions = input.positionBytes
    ledgers[number].open(
      ledgers[number].nextTicket - 1, positionPrefix: prefix.span,
      position: positions.span.extracting(place.position))
    account(number)
  }

  /// Says where a source stands of which nothing waits.
  private mutating func noteReached(_ source: Int) {
    guard source >= 0, lastSettled[source] >= 0 else { return }
    outputs[main].setPosition(input.position(after: input.entries[lastSettled[source]]), of: source)
    lastSettled[source] = -1
  }

  private mutating func drainTouched() {
    for number in touched {
      let place = outputPlace(of: number)
      let source = outputs[place].source(number, of: ledgers[number])
      ledgers[number].drain(into: &outputs[place], source: source)
      account(number)
    }
    touched.removeAll(keepingCapacity: true)
  }

  private mutating func outputPlace(of number: Int) -> Int {
    if let known = outputs.firstIndex(where: { $0.takes(number, ledgers[number]) }) { return known }
    outputs.append(OutputBatch(of: ledgers[number]))
    return outputs.count - 1
  }

  private mutating func account(_ number: Int) {
    let (bytes, entries) = (ledgers[number].memoryBytes, ledgers[number].waitingEntries)
    waitingBytes += bytes - ledgers[number].accountedBytes
    waitingEntries += entries - ledgers[number].accountedEntries
    ledgers[number].accountedBytes = bytes
    ledgers[number].accountedEntries = entries
  }

  // MARK: Parts of the output

  private mutating func beginPart(at moment: Moment) {
    partBegan = moment.monotonic
    main = outputs.count
    outputs.append(OutputBatch(like: input))
    guard holds else { return }
    for place in input.sources.indices {
      outputs[main].identify(place, as: inputNumbers[place], inFull: !ledgers[inputNumbers[place]].isEmpty)
    }
  }

  /// What is ready of a batch that has to wait: all of it, or what would be old when it goes on.
  private mutating func part(at moment: Moment) -> [LogBatch] {
    if cursor == input.entries.count {
      let batches = finish()
      beginPart(at: moment)
      return batches
    }
    guard waitUntil - partBegan >= Self.waitBetweenParts else { return [] }
    for source in input.sources.indices { noteReached(source) }
    let batches = takeOutputs()
    beginPart(at: moment)
    return batches
  }

  private mutating func finish() -> [LogBatch] {
    for source in input.sources.indices {
      let number = holds ? inputNumbers[source] : -1
      guard let position = input.sources[source].position else {
        noteReached(source)
        continue
      }
      if holds, !ledgers[number].isEmpty {
        ledgers[number].mark(position.span)
        account(number)
      } else {
        outputs[main].setPosition(position, of: source)
      }
    }
    input = LogBatch()
    cursor = 0
    return takeOutputs()
  }

  private mutating func takeOutputs() -> [LogBatch] {
    defer {
      outputs.removeAll(keepingCapacity: true)
      main = -1
    }
    return outputs.map(\.batch).filter { !$0.isEmpty }
  }

  // MARK: What is kept

  /// Lines that stages keep, and entries that wait behind them.
  public var heldEntries: Int { holders.reduce(waitingEntries) { $0 + ($1?.heldEntries ?? 0) } }

  /// Roughly what they take in memory.
  public var heldBytes: Int { holders.reduce(waitingBytes) { $0 + ($1?.heldBytes ?? 0) } }

  private var isOverLimits: Bool { heldBytes > Self.heldBytesLimit || heldEntries > Self.heldEntriesLimit }

  /// Lets go entries that wait although lines before them are kept, whose source's position stays (after a crash they may
  /// come twice); then, if that is not enough, what the stages keep.
  private mutating func releaseWithinLimits(at moment: Moment) {
    for number in ledgers.indices where ledgers[number].waitingEntries > 0 { releaseWaiting(of: number) }
    if isOverLimits { releaseAll(of: nil, at: moment) }
  }

  private mutating func releaseWaiting(of number: Int) {
    let place = outputPlace(of: number)
    let source = outputs[place].source(number, of: ledgers[number])
    ledgers[number].release(into: &outputs[place], source: source)
    account(number)
  }

  private mutating func releaseAll(of number: Int?, at moment: Moment) {
    for (index, holder) in holders.enumerated() {
      guard let holder else { continue }
      holder.releaseAll(of: number)
      letGo(holder, index, at: moment)
    }
    drainTouched()
  }

  /// When `releaseDue` has something to do, on the monotonic clock.
  public var nextDeadline: Int64? {
    var earliest = Int64.max
    for holder in holders { earliest = min(earliest, holder?.nextDeadline ?? .max) }
    for number in ledgers.indices {
      if let since = ledgers[number].waitingSince { earliest = min(earliest, since + Self.longestWait) }
    }
    return earliest == .max ? nil : earliest
  }

  /// Lets go what has been kept for long enough; these are to be handed on. Not while a batch has to wait.
  public mutating func releaseDue(at moment: Moment) -> [LogBatch] {
    for (index, holder) in holders.enumerated() {
      guard let holder else { continue }
      holder.releaseDue(at: moment.monotonic)
      letGo(holder, index, at: moment)
    }
    drainTouched()
    for number in ledgers.indices {
      guard let since = ledgers[number].waitingSince, since + Self.longestWait <= moment.monotonic else { continue }
      releaseWaiting(of: number)
    }
    return takeOutputs()
  }

  /// Whether something of `origin` is kept.
  public func holdsLines(of origin: String) -> Bool {
    numbers.contains { $0.key.origin == origin && !ledgers[$0.value].isEmpty }
  }

  /// Lets go everything of `origin`, for good; these are to be handed on.
  public mutating func releaseAll(of origin: String, at moment: Moment) -> [LogBatch] {
    for (key, number) in numbers where key.origin == origin { releaseAll(of: number, at: moment) }
    return takeOutputs()
  }

  /// What has been counted so far.
  public var statistics: PipelineStatistics {
    var statistics = PipelineStatistics()
    for (stage, count) in zip(stages, dropCounts) where !stage.dropReason.isEmpty {
      statistics.drops[stage.dropReason, default: 0] += count
    }
    for stage in stages {
      if let limit = stage as? LimitStage, let name = limit.labelName {
        for (value, count) in limit.dropsByValue {
          statistics.dropsByLabel[Label(name, value), default: 0] += count
        }
      } else if let cri = stage as? CRIStage {
        statistics.criFlushed += cri.flushed
        statistics.criTruncated += cri.truncated
        statistics.readsCRI = true
      }
    }
    return statistics
  }
}
