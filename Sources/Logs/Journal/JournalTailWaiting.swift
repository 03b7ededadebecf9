// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension JournalTail {
  /// There is nothing more to read: waits until there may be, until something is due, or until told to stop.
  mutating func rest(_ handle: JournalHandle) throws(SystemError) {
    if case .boots(_, let next) = view { return try begin(boot: next) }
    if bytesSinceOpen >= Self.bytesUntilFreshAtRest { return close() }
    statistics.update { $0.head = stand?.cursor.realtime }
    let now = monotonicNanoseconds()
    let nextRootLook = absentRoots.isEmpty ? Int64.max : now + Self.rootInterval
    let limit = min(handle.deadline, nextWatch, positionDue, nextRootLook)
    pause(for: handle.descriptor, events: handle.events, until: limit)
    try process(handle)
    if absentRoots.contains(where: { fileKind($0) != nil }) { return close() }
    if monotonicNanoseconds() >= nextWatch { try watch(handle) }
  }

  /// All of the boot before is read: goes on with the first entry of `boot`.
  private mutating func begin(boot: JournalCursor.Identifier) throws(SystemError) {
    view = .boot(boot)
    let opened = try JournalHandle(options.place, matches: options.matches, boot: boot)
    try opened.seek(.head)
    handle = opened
  }

  /// Compares the position with the journal's end as a reader sees it that was opened just now.
  private mutating func watch(_ handle: JournalHandle) throws(SystemError) {
    nextWatch = monotonicNanoseconds() + Self.watchInterval
    let other = try JournalHandle(options.place, matches: options.matches, boot: view.filter)
    guard let last = try cursor(of: other, from: .tail), last != dismissedHead, isAhead(last) else { return }
    isAtUnread = try handle.next()
    guard !isAtUnread else { return }
    dismissedHead = last
    statistics.update {
      $0.reopened += 1
      $0.head = last.realtime
    }
    log.warn("The journal has entries that it did not give; it is opened anew")
    close()
  }

  private func isAhead(_ last: JournalCursor) -> Bool {
    guard let stand else { return last.realtime >= beginning ?? 0 }
    return last.order(to: stand.cursor) == .after
  }
}
