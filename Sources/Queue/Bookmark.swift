// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How far the destination has acknowledged, and the counters that go with it: one slot of the file `bookmark`.
struct Bookmark: Equatable {
  static let magic = Array("SPKB0001".utf8)
  /// Slots lie in pages of their own; what is written of one is a single sector.
  static let slotDistance = 4096
  static let slotBytes = 512

  var identity: QueueIdentity
  var generation: UInt64 = 0
  /// Written by `close`, and by nothing else.
  var closed = false
  /// Everything before it is accounted for.
  var position = LogPosition()
  /// Everything before it was durable when this was written.
  var durable = LogPosition()
  var acknowledged: UInt64 = 0
  var rejected: UInt64 = 0
  /// Items that came and went in memory while the disk took none.
  var outside: UInt64 = 0
  var uncleanStarts: UInt64 = 0
  /// By `DropReason.rawValue`; room for reasons to come.
  var dropped = [UInt64](repeating: 0, count: 8)

  func encode() -> [UInt8] {
    var bytes = Bookmark.magic + identity.bytes
    bytes.append(littleEndian: generation)
    bytes.append(littleEndian: UInt64(closed ? 1 : 0))
    for position in [position, durable] {
      bytes.append(littleEndian: position.segment)
      bytes.append(littleEndian: position.offset)
      for number in [position.sequence, position.items, position.blocks] { bytes.append(littleEndian: number) }
    }
    for number in [acknowledged, rejected, outside, uncleanStarts] + dropped { bytes.append(littleEndian: number) }
    bytes.append(littleEndian: crc32c(bytes.span))
    return bytes + [UInt8](repeating: 0, count: Bookmark.slotBytes - bytes.count)
  }

  init(identity: QueueIdentity) { self.identity = identity }

  init?(_ bytes: [UInt8]) {
    guard bytes.count == Bookmark.slotBytes, bytes[..<8].elementsEqual(Bookmark.magic),
      bytes.littleEndian(at: 216) == crc32c(bytes.span.extracting(0..<216))
    else { return nil }
    func number(_ index: Int) -> UInt64 { bytes.littleEndian(at: 24 + 8 * index) }
    func position(_ index: Int) -> LogPosition {
      LogPosition(
        segment: number(index), offset: Int64(bitPattern: number(index + 1)), sequence: number(index + 2),
        items: number(index + 3), blocks: number(index + 4))
    }
    identity = QueueIdentity(bytes: Array(bytes[8..<24]))
    generation = number(0)
    closed = number(1) == 1
    self.position = position(2)
    durable = position(7)
    acknowledged = number(12)
    rejected = number(13)
    outside = number(14)
    uncleanStarts = number(15)
    dropped = (0..<8).map { number(16 + $0) }
    let counters = [generation, acknowledged, rejected, outside, uncleanStarts] + dropped
    guard self.position.isPlausible, durable.isPlausible, counters.allSatisfy({ $0 < LogPosition.highestCount }) else {
      return nil
    }
  }
}

/// A place in the log: the byte, and the counters of everything before it.
struct LogPosition: Equatable {
  var segment: UInt64 = 0
  var offset = SegmentHeader.bytes
  /// The last block before it.
  var sequence: UInt64 = 0
  var items: UInt64 = 0
  var blocks: UInt64 = 0

  /// No queue lives to see as many items, blocks or segments; numbers below it can be added without a thought.
  static let highestCount: UInt64 = 1 << 56

  /// Whether it can be one of a queue's: checksums tell what was written, not that it made sense.
  var isPlausible: Bool {
    (0..<(1 << 48)).contains(offset) && [segment, sequence, items, blocks].allSatisfy { $0 < Self.highestCount }
  }
}

/// The file `bookmark`: two slots of 4096 bytes, written in turn, so that one is whole whatever happens. It never
/// grows, so a full disk cannot stop an acknowledgement.
final class BookmarkFile {
  private let store: any FileStore
  private let directory: String
  private var path: String { "\(directory)/bookmark" }
  private var file: (any StoredFile)?
  private var newestSlot = 0
  private var found: Bookmark?  // in the newest slot, perhaps in the kernel's memory only
  private(set) var generation: UInt64 = 0

  init(store: any FileStore, directory: String) {
    self.store = store
    self.directory = directory
  }

  /// Both slots, without opening for writing. `exists` tells a missing file from a damaged one.
  static func read(store: any FileStore, directory: String) throws(SystemError) -> (exists: Bool, slots: [Bookmark?]) {
    let file: any StoredFile
    do throws(SystemError) {
      file = try store.open("\(directory)/bookmark")
    } catch {
      // Throws what passes: without its bookmark the queue would deliver again what it has delivered.
      guard error.errno == SystemError.noEntry || error.meansUnreadable else { throw error }
      return (error.errno != SystemError.noEntry, [nil, nil])
    }
    var slots: [Bookmark?] = []
    for slot in 0..<2 {
      var bytes = [UInt8](repeating: 0, count: Bookmark.slotBytes)
      let count = try file.readSound(into: &bytes, at: Int64(slot * Bookmark.slotDistance))
      slots.append(count == bytes.count ? Bookmark(bytes) : nil)
    }
    return (true, slots)
  }

  static func newest(of slots: [Bookmark?]) -> (slot: Int, bookmark: Bookmark)? {
    slots.enumerated().compactMap { slot, bookmark in bookmark.map { (slot, $0) } }
      .max { $0.1.generation < $1.1.generation }
  }

  /// Goes on after `bookmark`, found in `slot`.
  func resume(slot: Int, bookmark: Bookmark) {
    newestSlot = slot
    generation = bookmark.generation
    found = bookmark
  }

  /// Makes `bookmark` durable, with the next generation.
  func write(_ bookmark: Bookmark) throws(SystemError) {
    var bookmark = bookmark
    bookmark.generation = generation + 1
    guard let size = try store.size(of: path), size >= Int64(2 * Bookmark.slotDistance), generation > 0 else {
      try create(with: bookmark)
      generation += 1
      return
    }
    // A failed attempt leaves `newestSlot` alone: the same slot is written again and the sound one never touched.
    let slot = 1 - newestSlot
    if file == nil { file = try store.openForWriting(path) }
    guard let file else { return }
    do throws(SystemError) {
      // The other slot may be the only one on disk: it stays until this one surely is. A sync alone does not tell; one
      // that failed may have been before.
      if let found {
        try file.writeAll(found.encode(), at: Int64(newestSlot * Bookmark.slotDistance))
        try file.sync()
        self.found = nil
      }
      try file.writeAll(bookmark.encode(), at: Int64(slot * Bookmark.slotDistance))
      try file.sync()
    } catch {
      self.file = nil
      throw error
    }
    newestSlot = slot
    generation += 1
  }

  private func create(with bookmark: Bookmark) throws(SystemError) {
    let temporary = path + ".tmp"
    file = nil
    let new = try store.openForWriting(temporary)
    try new.truncate(to: 0)
    try new.writeAll(
      bookmark.encode() + [UInt8](repeating: 0, count: 2 * Bookmark.slotDistance - Bookmark.slotBytes), at: 0)
    try new.sync()
    try store.rename(temporary, to: path)
    try store.syncDirectory(directory)
    newestSlot = 0
    found = nil
  }
}

extension StoredFile {
  /// Writes all of `bytes` at `offset`, however little the kernel takes at a time.
  func writeAll(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
    var written = 0
    while written < bytes.count {
      let count = try write(bytes.span.extracting(written..<bytes.count), at: offset + Int64(written))
      guard count > 0 else { throw SystemError("write", "", errno: 28) }
      written += count
    }
  }
}
