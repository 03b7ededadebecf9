// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import Telemetry

/// A journal that is followed: fills batches with what comes after a position, and waits when there is nothing more.
struct JournalTail {
  /// About how many bytes may be read until the journal is opened anew: what was mapped on the way stays in memory
  /// otherwise, hundreds of megabytes of it.
  static let bytesUntilFresh = 32 << 20
  /// The same, when there is nothing more to read.
  static let bytesUntilFreshAtRest = 4 << 20
  /// About how many bytes an entry takes besides its line.
  static let entryBytes = 1024
  /// Nanoseconds between two looks at whether the journal has more than it gives.
  static let watchInterval: Int64 = 30_000_000_000
  /// Nanoseconds between two attempts to find a journal that is not there.
  static let absenceInterval: Int64 = 1_000_000_000
  /// Nanoseconds between two looks for a directory that is not there, while there is another.
  static let rootInterval: Int64 = 5_000_000_000
  /// Nanoseconds of reading after which changes of the files are taken note of; until then those are read, too, that
  /// have been removed meanwhile.
  static let processInterval: Int64 = 10_000_000_000
  /// Nanoseconds for which a position may wait when there are no entries to go with it.
  static let positionInterval: Int64 = 5_000_000_000
  /// Entries without anything to hand on after which their position is handed on.
  static let mostDropped: UInt64 = 100_000
  /// How often the journal is asked again in vain about entries that seem to be missing, until it is believed.
  static let mostVainQuestions = 100

  let options: JournalOptions
  let statistics: JournalStatistics
  let log: Log
  let bell: Doorbell
  private let report: @Sendable (String?) -> Void

  var handle: JournalHandle?
  var view = JournalView.everything
  /// Directories that were not there when the journal was opened.
  var absentRoots: [String] = []
  /// After the entry that was read last; nil before the first.
  var stand: JournalPosition?
  /// Where to begin when nobody knows, in microseconds since 1970; the same as long as the reader lives.
  var beginning: UInt64?
  private var hasBeginning = false
  private var audience = JournalAudience.everyone
  private(set) var batch: JournalBatch
  var numbers = JournalNumbers()
  var text: [UInt8] = []

  /// Whether the entry at which the journal stands has yet to be read.
  var isAtUnread = false
  /// Whether files came or went since the last entry.
  var filesChanged = false
  /// Whether the journal was asked a second time about entries that seem to be missing.
  private var hasAskedAgain = false
  private var vainQuestions = 0
  var bytesSinceOpen = 0
  private var lastProcess: Int64 = 0
  var nextWatch: Int64 = 0
  private var positionSince: Int64?
  var dismissedHead: JournalCursor?
  /// Whether there is a handle, if only one that has yet to find its place.
  var isOpen = false
  private var failures = 0
  /// How often in a row what follows the position was too damaged to be read.
  var readFailures = 0
  private var reported: String??
  var saidPartial = false
  private var isMissingSaid = false

  init(
    _ options: JournalOptions, origin: String, statistics: JournalStatistics, log: Log, bell: Doorbell,
    report: @Sendable @escaping (String?) -> Void
  ) {
    self.options = options
    self.statistics = statistics
    self.log = log
    self.bell = bell
    self.report = report
    batch = JournalBatch(options, origin: origin)
  }

  /// Begins where `destinations` stand; where none knows, after `accounted`.
  mutating func begin(for destinations: [LogDestination], otherwise accounted: JournalPosition?) {
    for destination in destinations {
      guard let bytes = destination.positions[JournalBatch.source], JournalPosition(bytes) == nil else { continue }
      log.warn("A destination's position in the journal is of no use", ("destination", destination.id))
    }
    audience = JournalAudience(destinations, source: JournalBatch.source)
    stand = audience.beginning ?? accounted ?? takenOver
    if !hasBeginning {
      hasBeginning = true
      beginning = options.beginning()
    }
    close()
    settleWithoutCounting()
  }

  private var takenOver: JournalPosition? {
    guard let cursor = options.takenOverCursor() else { return nil }
    let position = JournalPosition(cursor: Array(cursor.utf8))
    if position == nil { log.warn("The cursor another agent left is of no use", ("cursor", cursor)) }
    return position
  }

  /// Says that the batch is accounted for, and begins the next.
  mutating func settle() {
    say(nil)
    statistics.update { $0.count(batch.changes, end: batch.end) }
    settleWithoutCounting()
  }

  private mutating func settleWithoutCounting() {
    batch.begin(audience: audience.ids)
    positionSince = nil
  }

  /// Lets go of the files.
  mutating func close() {
    handle = nil
    bytesSinceOpen = 0
    isOpen = false
    isAtUnread = false
  }

  /// Tells how the reader is, when that has changed.
  mutating func say(_ problem: String?) {
    guard reported != .some(problem) else { return }
    reported = problem
    if let problem { log.warn("The journal is not delivered", ("err", problem)) }
    report(problem)
  }

  // MARK: Filling batches

  /// Waits until there is something to hand on. Blocks; throws only when the task is cancelled.
  mutating func nextBatch() throws -> LogBatch {
    defer { statistics.update { $0.busySince = nil } }
    while true {
      statistics.update { $0.busySince = monotonicNanoseconds() }
      try Task.checkCancellation()
      if bytesSinceOpen >= Self.bytesUntilFresh { close() }
      dropSpoiled()
      do throws(SystemError) {
        guard let handle = try opened() else {
          pause(until: monotonicNanoseconds() + Self.absenceInterval)
          continue
        }
        let hasMore = try fill(from: handle)
        (failures, readFailures) = (0, 0)
        if isReady { return batch.finished(moreFollows: hasMore) }
        if !hasMore { try rest(handle) }
      } catch {
        fail(error)
        if !batch.isEmpty { return batch.finished(moreFollows: false) }
        pause(until: monotonicNanoseconds() + min(60_000_000_000, 500_000_000 << Int64(min(failures, 10))))
      }
    }
  }

  /// Waits for something of `events` on `descriptor`, for a ring, or until `limit`.
  func pause(for descriptor: Int32 = -1, events: Int16 = 1, until limit: Int64) {
    statistics.update { $0.busySince = nil }
    bell.wait(for: descriptor, events: events, until: limit)
    statistics.update { $0.busySince = monotonicNanoseconds() }
  }

  /// Opens anew where a file was cut short or its disk failed under the reader.
  private mutating func dropSpoiled() {
    guard handle?.isSpoiled == true else { return }
    close()
    statistics.update { $0.gaps += 1 }
    log.error("A file of the journal could not be read where it was before; the journal is opened anew")
  }

  /// Entries go at once; a position without entries waits for some, for a while.
  private var isReady: Bool {
    mutating get {
      if !batch.isEmpty || batch.changes.dropped >= Self.mostDropped { return true }
      guard batch.end != nil else { return false }
      let now = monotonicNanoseconds()
      positionSince = positionSince ?? now
      return now >= positionDue
    }
  }

  /// By when a position without entries has to be handed on.
  var positionDue: Int64 { positionSince.map { $0 + Self.positionInterval } ?? .max }

  private mutating func fail(_ error: SystemError) {
    failures += 1
    if isOpen, [EBADMSG, EIO, EADDRNOTAVAIL, ENODATA, E2BIG].contains(error.errno) { readFailures += 1 }
    close()
    say("\(error)")
  }

  /// Adds entries until the batch is full or another audience begins (true), or the journal has no more (false).
  private mutating func fill(from handle: JournalHandle) throws(SystemError) -> Bool {
    if monotonicNanoseconds() >= lastProcess + Self.processInterval { try process(handle) }
    while batch.bytes < options.batchBytes, batch.changes.dropped < Self.mostDropped {
      guard try advance(handle) else { return false }
      guard let cursor = readCursor(handle) else { continue }
      guard try isComplete(before: cursor, handle) else { continue }
      if audience.admit(before: cursor) {
        isAtUnread = true
        if !batch.isEmpty { return true }
        statistics.update { $0.count(batch.changes, end: batch.end) }
        settleWithoutCounting()
        continue
      }
      read(handle, cursor)
      if batch.changes.dropped & 0xff == 0xff, Task.isCancelled { return true }
    }
    return true
  }

  /// Goes to the next entry, unless the one at hand was not read.
  private mutating func advance(_ handle: JournalHandle) throws(SystemError) -> Bool {
    if isAtUnread {
      isAtUnread = false
      return true
    }
    return try handle.next()
  }

  /// Nil when the entry is damaged.
  private mutating func readCursor(_ handle: JournalHandle) -> JournalCursor? {
    do throws(SystemError) { return try handle.cursor(into: &text) } catch {
      statistics.update { $0.damaged += 1 }
      return nil
    }
  }

  /// Takes the entry at which the journal stands into the batch.
  private mutating func read(_ handle: JournalHandle, _ cursor: JournalCursor) {
    hasAskedAgain = false
    filesChanged = false
    stand?.move(to: cursor, text: &text)
    stand = stand ?? JournalPosition(cursor: text)
    guard let stand else { preconditionFailure("BUG: a cursor that was one is none") }
    let before = batch.bytes
    do throws(SystemError) { try batch.add(handle, stand) } catch { statistics.update { $0.damaged += 1 } }
    batch.passed(stand)
    bytesSinceOpen += Self.entryBytes + batch.bytes - before
  }

  mutating func process(_ handle: JournalHandle) throws(SystemError) {
    if try handle.process() == .filesChanged { filesChanged = true }
    lastProcess = monotonicNanoseconds()
  }

  // MARK: Missing entries

  /// Whether `cursor`, at which the journal stands, is the next one to read; false when it has to be asked again.
  ///
  /// The reader looks at one file after the other, so it may see the newest entry of one before it sees that another
  /// got one just before. Asked from the same place again it gives both.
  private mutating func isComplete(before cursor: JournalCursor, _ handle: JournalHandle) throws(SystemError) -> Bool {
    guard options.matches == .all else { return true }
    let missing = numbers.gap(before: cursor)
    if missing > 0, !hasAskedAgain, vainQuestions < Self.mostVainQuestions, let stand {
      hasAskedAgain = true
      if try stands(handle, after: stand) { return false }
      filesChanged = true
      try handle.seek(.cursor(text))
      guard try handle.next() else { return false }
    }
    if hasAskedAgain { vainQuestions = missing > 0 ? vainQuestions + 1 : 0 }
    numbers.note(cursor)
    if missing > 0 { lose(missing, because: filesChanged ? .vacuumed : .unreadable) }
    return true
  }

  /// Whether the journal could be made to stand at the entry `position` is after.
  func stands(_ handle: JournalHandle, after position: JournalPosition) throws(SystemError) -> Bool {
    try handle.seek(.cursor(position.text))
    guard try handle.next() else { return false }
    var text: [UInt8] = []
    return try handle.cursor(into: &text).isSameEntry(as: position.cursor)
  }

  /// Why entries are missing.
  enum Loss { case vacuumed, unreadable }

  mutating func lose(_ count: UInt64, because loss: Loss) {
    switch loss {
    case .vacuumed:
      statistics.update { $0.vacuumed += count }
      log.error("Entries of the journal were removed before they were read", ("entries", "\(count)"))
    case .unreadable:
      statistics.update { $0.unreadable += count }
      // Where files may not be read this goes on all the time.
      guard !isMissingSaid else { return }
      isMissingSaid = true
      log.warn(
        "Entries of the journal are missing, in damaged files or in files this user may not read",
        ("entries", "\(count)"))
    }
  }
}
