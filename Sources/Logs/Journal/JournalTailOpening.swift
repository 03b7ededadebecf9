// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension JournalTail {
  /// The journal, opened and standing where reading goes on; nil when there is none that could be read.
  mutating func opened() throws(SystemError) -> JournalHandle? {
    if let handle { return handle }
    let access = JournalAccess(options.place)
    if let problem = access.problem {
      say(access.remedy.isEmpty ? "\(problem) (\(options.place))" : "\(problem): \(access.remedy)")
      return nil
    }
    if let problem = access.partialProblem, !saidPartial {
      saidPartial = true
      log.warn("A part of the journal may not be read", ("err", problem), ("remedy", access.remedy))
    }
    absentRoots = options.place.roots.filter { fileKind($0) == nil }
    let opened = try open()
    isOpen = true
    let last = try cursor(of: opened, from: .tail)
    statistics.update { $0.head = last?.realtime ?? $0.head }
    try resume(opened)
    handle = opened
    nextWatch = monotonicNanoseconds() + Self.watchInterval
    say(nil)
    return opened
  }

  /// Opens the part of the journal that is to be read after the position.
  private mutating func open() throws(SystemError) -> JournalHandle {
    view = try chooseView()
    if case .boots = view {
      log.warn("The clock was set back since the last boot; this boot's entries are read by themselves")
    }
    return try JournalHandle(options.place, matches: options.matches, boot: view.filter)
  }

  private func chooseView() throws(SystemError) -> JournalView {
    guard let stand, let text = options.bootID, let current = JournalCursor.Identifier(text) else { return .everything }
    let boot = try JournalHandle(options.place, matches: .all, boot: current)
    return .choose(after: stand.cursor, current: current, first: try cursor(of: boot, from: .head))
  }

  /// The first or last entry.
  func cursor(of handle: JournalHandle, from end: JournalHandle.Place) throws(SystemError) -> JournalCursor? {
    try handle.seek(end)
    let isThere = if case .tail = end { try handle.previous() } else { try handle.next() }
    guard isThere else { return nil }
    var text: [UInt8] = []
    return try handle.cursor(into: &text)
  }

  // MARK: Going on after a position

  private mutating func resume(_ handle: JournalHandle) throws(SystemError) {
    isAtUnread = false
    numbers = JournalNumbers()
    guard let stand else { return try handle.seek(beginning.map { .realtime($0) } ?? .head) }
    numbers.note(stand.cursor)
    if readFailures > 2 { return try stepOver(handle, stand) }
    if try finds(stand, handle) { return }
    filesChanged = true
    try standNear(stand, handle)
  }

  /// Where nothing can be read from the position on, goes on later and later in time.
  private mutating func stepOver(_ handle: JournalHandle, _ stand: JournalPosition) throws(SystemError) {
    let seconds = UInt64(1) << UInt64(min(readFailures - 3, 40))
    try handle.seek(.realtime(min(stand.cursor.realtime, 1 << 62) + seconds * 1_000_000))
    statistics.update { $0.gaps += 1 }
    log.error("The journal cannot be read here; reading goes on later in it", ("seconds", "\(seconds)"))
  }

  /// Whether the journal has the entry `stand` is after; it then stands there.
  ///
  /// A cursor may lead to the wrong file where a clock was wrong, so two other ways are tried.
  private func finds(_ stand: JournalPosition, _ handle: JournalHandle) throws(SystemError) -> Bool {
    if try stands(handle, after: stand) { return true }
    let wanted = stand.cursor
    if try finds(
      wanted, handle, from: .monotonic(wanted), { $0.boot == wanted.boot && $0.monotonic <= wanted.monotonic })
    {
      return true
    }
    return try finds(wanted, handle, from: .realtime(wanted.realtime)) { $0.realtime <= wanted.realtime }
  }

  private func finds(
    _ wanted: JournalCursor, _ handle: JournalHandle, from place: JournalHandle.Place,
    _ mayFollow: (JournalCursor) -> Bool
  ) throws(SystemError) -> Bool {
    try handle.seek(place)
    var text: [UInt8] = []
    for _ in 0..<1000 {
      guard try handle.next() else { return false }
      let cursor = try handle.cursor(into: &text)
      if cursor.isSameEntry(as: wanted) { return true }
      guard mayFollow(cursor) else { return false }
    }
    return false
  }

  /// The entry `stand` is after is gone: stands at the first one after it that is there, or at the end.
  private mutating func standNear(_ stand: JournalPosition, _ handle: JournalHandle) throws(SystemError) {
    for place in [JournalHandle.Place.cursor(stand.text), .realtime(stand.cursor.realtime)] {
      try handle.seek(place)
      for _ in 0..<10_000 {
        guard try handle.next() else { break }
        let cursor = try handle.cursor(into: &text)
        guard cursor.order(to: stand.cursor) == .after else { continue }
        isAtUnread = true
        return noteGap(stand.cursor, cursor)
      }
    }
    noteGap(stand.cursor, nil)
    if let last = try cursor(of: handle, from: .tail) {
      isAtUnread = last.order(to: stand.cursor) == .after
    } else {
      try handle.seek(.head)
    }
  }

  /// How many entries are missing is known only within one numbering; there they are counted as they are passed.
  private mutating func noteGap(_ stand: JournalCursor, _ next: JournalCursor?) {
    if let next, next.numbering == stand.numbering, options.matches == .all { return }
    statistics.update { $0.gaps += 1 }
    log.warn(
      "The entry read last is no longer in the journal; reading goes on with what came after it",
      ("at", rfc3339(nanoseconds: stand.realtimeNanoseconds)),
      ("next", next.map { rfc3339(nanoseconds: $0.realtimeNanoseconds) } ?? "none"))
  }
}
