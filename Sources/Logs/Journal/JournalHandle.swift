// SPDX-License-Identifier: Apache-2.0

internal import CSystemd
internal import Glibc
internal import Linux

/// An open journal that stands at one of its entries: all calls into libsystemd's journal reader are here.
///
/// It belongs to one thread at a time, and is closed once, with this object.
@safe final class JournalHandle {
  /// Where to stand before the next entry.
  enum Place {
    case head
    case tail
    case realtime(UInt64)
    case monotonic(JournalCursor)
    case bootStart(JournalCursor.Identifier)
    case cursor([UInt8])
  }

  /// The most of one field that is looked at, in bytes: what is compressed is not unpacked any further.
  static let fieldLimit = LineText.limit + 4096
  /// The most fields of one entry that are looked at.
  static let mostFields = 1000

  private let journal: OpaquePointer  // ours alone: made in init, closed in deinit
  private let name: String
  private let missingPages: UInt
  /// What becomes readable when the journal changes.
  let descriptor: Int32

  /// Opens `place`, showing only entries that match and, where one is given, are of that boot.
  init(_ place: JournalPlace, matches: JournalMatches, boot: JournalCursor.Identifier? = nil) throws(SystemError) {
    MissingPages.survive()
    missingPages = MissingPages.count
    name = "\(place)"
    var opened: OpaquePointer?
    let local = Int32(SD_JOURNAL_LOCAL_ONLY)
    let result =
      switch place {
      case .local: unsafe sd_journal_open(&opened, local)
      case .directory(let path): unsafe sd_journal_open_directory(&opened, path, 0)
      case .namespace(let name): unsafe sd_journal_open_namespace(&opened, name, local)
      }
    guard result >= 0, let opened = unsafe opened else { throw SystemError("open", name, errno: -result) }
    unsafe journal = opened
    // At once after opening: files that come in between would go unnoticed.
    unsafe descriptor = sd_journal_get_fd(opened)
    unsafe sd_journal_set_data_threshold(opened, Self.fieldLimit)
    guard descriptor >= 0 else { throw SystemError("watch", name, errno: -descriptor) }
    try add(matches)
    if let boot { try add(boot) }
  }

  deinit { unsafe sd_journal_close(journal) }

  private func add(_ matches: JournalMatches) throws(SystemError) {
    for (index, side) in matches.alternatives.enumerated() {
      if index > 0 { try check(unsafe sd_journal_add_disjunction(journal), "match in") }
      for match in side { try check(unsafe sd_journal_add_match(journal, match, match.utf8.count), "match in") }
    }
  }

  private func add(_ boot: JournalCursor.Identifier) throws(SystemError) {
    try check(unsafe sd_journal_add_conjunction(journal), "match in")
    let match = "_BOOT_ID=\(boot)"
    try check(unsafe sd_journal_add_match(journal, match, match.utf8.count), "match in")
  }

  @discardableResult
  private func check(_ result: Int32, _ operation: String) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError(operation, name, errno: -result) }
    return result
  }

  /// Stands before the first entry from `place` on, or, with `tail`, after the last.
  func seek(_ place: Place) throws(SystemError) {
    let result: Int32
    switch place {
    case .head: unsafe result = sd_journal_seek_head(journal)
    case .tail: unsafe result = sd_journal_seek_tail(journal)
    case .realtime(let microseconds): unsafe result = sd_journal_seek_realtime_usec(journal, microseconds)
    case .monotonic(let cursor):
      unsafe result = sd_journal_seek_monotonic_usec(journal, identifier(cursor.boot), cursor.monotonic)
    case .bootStart(let boot): unsafe result = sd_journal_seek_monotonic_usec(journal, identifier(boot), 0)
    case .cursor(let text):
      let terminated = (text + [0]).map { CChar(bitPattern: $0) }
      unsafe result = sd_journal_seek_cursor(journal, terminated)
    }
    try check(result, "seek in")
  }

  private func identifier(_ value: JournalCursor.Identifier) -> sd_id128_t {
    sd_id128_t(qwords: (value.high.bigEndian, value.low.bigEndian))
  }

  /// Whether a mapped file had pages that could not be read: what this object has of it is not to be trusted.
  var isSpoiled: Bool { MissingPages.count != missingPages }

  /// Goes to the next entry; false when there is none.
  func next() throws(SystemError) -> Bool { try check(unsafe sd_journal_next(journal), "read") > 0 }

  /// Goes to the entry before; false when there is none.
  func previous() throws(SystemError) -> Bool { try check(unsafe sd_journal_previous(journal), "read") > 0 }

  /// The cursor of the entry it stands at, as text and taken apart.
  func cursor(into text: inout [UInt8]) throws(SystemError) -> JournalCursor {
    var made: UnsafeMutablePointer<CChar>?
    try check(unsafe sd_journal_get_cursor(journal, &made), "get a cursor in")
    guard let made = unsafe made else { throw SystemError("get a cursor in", name, errno: EBADMSG) }
    defer { unsafe free(made) }
    text.removeAll(keepingCapacity: true)
    let length = unsafe strlen(made)
    unsafe made.withMemoryRebound(to: UInt8.self, capacity: length) {
      unsafe text.append(contentsOf: UnsafeBufferPointer(start: $0, count: length))
    }
    guard let cursor = JournalCursor(text.span) else { throw SystemError("get a cursor in", name, errno: EBADMSG) }
    return cursor
  }

  /// Calls `body` with the value of `field`, a part of the journal's memory that is gone afterwards; false when the
  /// entry has none.
  func withField(_ field: StaticString, _ body: (Span<UInt8>) -> Void) throws(SystemError) -> Bool {
    var data: UnsafeRawPointer?
    var count = 0
    let start = unsafe UnsafeRawPointer(field.utf8Start).assumingMemoryBound(to: CChar.self)
    let result = unsafe sd_journal_get_data(journal, start, &data, &count)
    if result == -ENOENT { return false }
    try check(result, "read")
    guard let data = unsafe data, count > field.utf8CodeUnitCount else { return false }
    // libsystemd keeps the memory until the next call; it begins with the name and "=".
    let bytes = unsafe UnsafeRawBufferPointer(start: data, count: count)
    unsafe bytes.withMemoryRebound(to: UInt8.self) {
      unsafe body($0.span.extracting(droppingFirst: field.utf8CodeUnitCount + 1))
    }
    return true
  }

  /// Calls `body` with the name and value of every field, parts of the journal's memory that are gone afterwards. What
  /// is damaged is left out.
  func forEachField(_ body: (Span<UInt8>, Span<UInt8>) -> Void) throws(SystemError) {
    unsafe sd_journal_restart_data(journal)
    for _ in 0..<Self.mostFields {
      var data: UnsafeRawPointer?
      var count = 0
      guard try check(unsafe sd_journal_enumerate_available_data(journal, &data, &count), "read") > 0 else { return }
      guard let data = unsafe data else { return }
      // As above.
      unsafe UnsafeRawBufferPointer(start: data, count: count).withMemoryRebound(to: UInt8.self) { bytes in
        let span = unsafe bytes.span
        guard let sign = firstIndex(of: UInt8(ascii: "="), in: span, 0..<span.count) else { return }
        body(span.extracting(first: sign), span.extracting(droppingFirst: sign + 1))
      }
    }
  }

  /// What `process` found.
  enum Change { case nothing, appended, filesChanged }

  /// Takes note of what became of the files since the last call.
  func process() throws(SystemError) -> Change {
    switch try check(unsafe sd_journal_process(journal), "watch") {
    case Int32(SD_JOURNAL_NOP): .nothing
    case Int32(SD_JOURNAL_APPEND): .appended
    default: .filesChanged
    }
  }

  /// What to wait for on `descriptor`, as `poll` has it.
  var events: Int16 { Int16(truncatingIfNeeded: unsafe sd_journal_get_events(journal)) }

  /// By when `process` must be called even if nothing was heard, in `monotonicNanoseconds`: some file systems do not
  /// tell of changes.
  var deadline: Int64 {
    var microseconds: UInt64 = 0
    guard unsafe sd_journal_get_timeout(journal, &microseconds) >= 0, microseconds < UInt64(Int64.max) / 1000 else {
      return .max
    }
    return Int64(microseconds) * 1000
  }
}

extension JournalCursor.Identifier: CustomStringConvertible {
  /// 32 hexadecimal digits.
  var description: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// From 32 hexadecimal digits, with or without dashes.
  init?(_ text: String) {
    let digits = text.filter { $0 != "-" }
    guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
      let low = UInt64(digits.suffix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }
}
