// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The log behind a queue: what is written where, in which order, and what that means after a crash. It has no clock
/// and no thread; every call does its disk work before it returns.
///
/// # The directory
///
/// ```
/// 0000000000000007.seg       a segment: records, oldest first; the name is its number in hexadecimal
/// bookmark                   how far the destination has acknowledged, and all counters
/// *.tmp                      being made; removed on the next start
/// *.set-aside                of another queue, or unreadable; never touched again
/// ```
///
/// All numbers are little-endian. Every checksum is CRC32C, continued from a seed, the CRC32C of the queue's identity
/// (16 random bytes) and the segment's number, so that bytes of another file do not pass for records of this one.
///
/// # Segments
///
/// A segment is a header of 40 bytes (`SPKQ0001`, identity, number u64, CRC32C of these unseeded u32, zero u32), then
/// records up to the end of the file; a record never crosses into the next segment. A record is a header of 80 bytes:
///
/// ```
///  0 u32 mark a55a51e7      16 u32 items                 40 u64 blocks so far, this one included
///  4 u8  1 block 2 checkpt. 20 u32 checksum of the body  48 i64 oldest item, milliseconds
///  5 u8  kind of the block  24 u64 sequence              56 i64 newest item, milliseconds
///  8 u32 bytes of payload   32 u64 items so far, this    64 i64 durable: all before this offset was on disk
/// 12 u32 bytes of positions        one included          76 u32 checksum of bytes 0 to 75
/// ```
///
/// then payload, positions (each: u32 length of source, u32 length of position, source, position) and zeros up to a
/// multiple of eight. Zeros fill what the table leaves out.
///
/// A segment begins with the same *checkpoint* record twice, in case one rots: counters as they stood, the newest
/// item's time of the previous segment, as payload that segment's number (u64) and where it ends (i64), and the newest
/// position of every source. So any segment can go without a source's position going with it, and opening reads only
/// the newest. A segment is written under a `.tmp` name, checkpoints and first blocks, made durable, renamed, and the
/// directory made durable; numbers are never used twice, and an opened queue never writes into a segment it finds.
///
/// A segment is left for a new one when it is full or when a write or sync fails. All before its end, as the next
/// checkpoint states it, is then durable; what lies behind never counted, and was written again from memory into
/// the new one. A failed sync is never tried again: the kernel may have forgotten what was dirty. A segment whose
/// successor names an older one as its predecessor was given up while it was made, and counts for nothing.
///
/// # After a crash
///
/// Only the newest segment can be torn. Its end is the furthest offset that a sound record in it, or the bookmark,
/// states to have been durable. A stretch without sound records before that is *damage*: it is passed over and its
/// neighbours count. The sound records behind the end were the last to be written and perhaps promised to somebody: they
/// are written anew, as the first blocks of the next segment, so that there is no instant without them. But behind a
/// torn stretch no record with positions counts, because its positions would vouch for what is missing; the sources
/// deliver all that again. Records without positions have nobody to deliver them again and stay. The counters in the
/// records tell exactly how many items a gap swallowed, be it a flipped bit or a missing file. After an unclean end,
/// sequences skip ahead by 2^20.
///
/// Damage in the newest segment that is not acknowledged yet takes the positions back to before it, so that the sources
/// deliver again what was there. The sound records behind it stay, for the sources may no longer have their lines; those
/// arrive twice. Damage in an older segment is found when it is read, and counted.
///
/// # The bookmark
///
/// Two slots of 512 bytes, at 0 and 4096, written in turn; of the sound ones that with the higher generation counts. Layout: see
/// ``Bookmark``. Before a process writes its first one it writes the one it found once more, for that may be in the
/// kernel's memory only. It is never ahead of durable data, because only durable blocks are handed out. To let a segment go:
/// bookmark durable, then unlink, then directory durable.
///
/// Conservation: everything before the bookmark's position, and what came and went in memory while the disk took none
/// (`outside`), is acknowledged, rejected or dropped; `enqueued` is the items of the newest record plus `outside`.
final class SegmentLog {
  struct Segment {
    var number: UInt64
    var bytes: Int64
    /// Where it ends; nil until asked for when this process did not write it.
    var end: Int64?
  }

  struct Active {
    var file: any StoredFile
    var number: UInt64
    /// All before it is durable, and nothing is behind it.
    var offset: Int64
    var isEmpty: Bool
  }

  let store: any FileStore
  let directory: String
  let options: QueueOptions
  let log: Log
  let identity: QueueIdentity
  let bookmarkFile: BookmarkFile
  var lock: (any StoredFile)?

  var segments: [Segment] = []  // ascending by number
  var active: Active?
  var nextSegment: UInt64 = 1
  var reader: (segment: SegmentReader, end: Int64)?

  /// The end of what is durable.
  var end = LogPosition()
  var newestMaxTimestamp = Int64.min
  var nextSequence: UInt64 = 1
  var position = LogPosition()
  var positions = SourcePositions()

  /// Blocks the disk did not take; oldest first. With `.pause`, only what was found behind the end at the start.
  var ring: [StoredBlock] = []
  var ringItems: UInt64 = 0
  var ringBytes = 0

  var writeFailure: SystemError?
  var bookmarkFailure: SystemError?
  var bookmarkIsBehind = false
  var namesAreDurable = false
  var positionsFellBack = false
  var counters: Bookmark
  var statisticsSoFar = QueueStatistics()
  var buffer: [UInt8] = []

  /// Opens the queue at `directory`, after whatever happened to it.
  init(
    directory: String, options: QueueOptions, store: any FileStore, log: Log, identity: QueueIdentity = QueueIdentity()
  ) throws {
    self.directory = directory
    self.options = options
    self.store = store
    self.log = log
    try store.makeDirectory(directory)
    lock = try SegmentLog.lock(directory, store)
    bookmarkFile = BookmarkFile(store: store, directory: directory)
    let found = try Findings(directory: directory, store: store)
    self.identity = found.identity ?? identity
    counters = found.bookmark ?? Bookmark(identity: self.identity)
    counters.identity = self.identity
    try recover(found)
  }

  static func lock(_ directory: String, _ store: any FileStore) throws -> any StoredFile {
    do {
      return try store.lock(directory)
    } catch let error where error.errno == SystemError.wouldBlock {
      throw QueueError.inUse(path: directory)
    }
  }

  // MARK: What it knows

  var pendingItems: UInt64 { end.items - position.items + ringItems }
  var pendingBlocks: UInt64 { end.blocks - position.blocks + UInt64(ring.count) }
  var totalBytes: Int64 { segments.reduce(0) { $0 + $1.bytes } }
  var isDegraded: Bool { writeFailure != nil }

  /// A quarter of a small queue at most, so that dropping the oldest never drops most; but four times the checkpoints it
  /// begins with, within half of the queue, so that one with many sources does not write mostly those.
  var segmentBytes: Int64 {
    max(4096, min(options.segmentBytes, options.maxBytes / 4), min(4 * checkpointBytes, options.maxBytes / 2))
  }

  /// What the two checkpoints of a segment begun now would take.
  private var checkpointBytes: Int64 {
    var record = Record(type: .checkpoint)
    (record.payloadBytes, record.positionBytes) = (16, positions.bytes)
    return 2 * record.totalBytes
  }

  /// Everything counted, the two durations apart; reads one header to learn the oldest item's time.
  var statistics: QueueStatistics {
    var result = statisticsSoFar
    result.acknowledged = counters.acknowledged
    result.rejected = counters.rejected
    for reason in DropReason.allCases { result.dropped[reason] = counters.dropped[reason.rawValue] }
    result.enqueued = end.items + counters.outside + ringItems
    result.pending = pendingItems
    result.blocks = pendingBlocks
    result.bytes = totalBytes
    result.segments = segments.count
    result.memoryBytes = ringBytes
    result.oldestTimestampMilliseconds = oldestTimestamp()
    result.degraded = (writeFailure ?? bookmarkFailure)?.description
    result.uncleanStarts = counters.uncleanStarts
    return result
  }

  func path(_ number: UInt64) -> String { segmentPath(directory, number) }

  // MARK: Going forward

  /// Moves the position to `new` and says how many items that passes.
  func move(to new: LogPosition) -> UInt64 {
    let items = new.items > position.items ? new.items - position.items : 0
    position.segment = new.segment
    position.offset = new.offset
    position.sequence = max(position.sequence, new.sequence)
    position.items += items
    position.blocks = max(position.blocks, new.blocks)
    // Only contradictory counters, of a disk that lied about being done, could lead past the end.
    end.items = max(end.items, position.items)
    end.blocks = max(end.blocks, position.blocks)
    bookmarkIsBehind = true
    return items
  }

  func countDropped(_ items: UInt64, _ reason: DropReason) { counters.dropped[reason.rawValue] += items }

  /// A process that was killed may have left segments, and a directory, whose names a power cut would take away.
  func makeNamesDurable() throws(SystemError) {
    guard !namesAreDurable else { return }
    var path = directory
    try store.syncDirectory(path)
    while path != parent(of: path) {
      path = parent(of: path)
      do throws(SystemError) {
        try store.syncDirectory(path)
      } catch {
        // What we may not even look into has no entry of ours.
        guard error.errno == SystemError.accessDenied else { throw error }
      }
    }
    namesAreDurable = true
  }

  /// Makes position and counters durable. Tried again by the next call when it fails.
  func persistBookmark(closing: Bool = false) throws(SystemError) {
    counters.position = position
    counters.durable = end
    counters.closed = closing
    // Kept meanwhile, for it is mapped anew each time; given back a second after the last block.
    if buffer.capacity > 256 << 10 { buffer = [] }
    do throws(SystemError) {
      try makeNamesDurable()
      try bookmarkFile.write(counters)
    } catch {
      if bookmarkFailure == nil {
        log.error("queue cannot write its bookmark; going on in memory", ("err", "\(error)"))
      }
      bookmarkFailure = error
      throw error
    }
    bookmarkFailure = nil
    bookmarkIsBehind = false
  }

  /// Removes segments all of which is accounted for; says whether there was one.
  @discardableResult
  func releaseSegments() throws(SystemError) -> Bool {
    stepOverSegmentEnd()
    guard let first = segments.first, first.number < position.segment else { return false }
    try persistBookmark()
    var released = false
    while let first = segments.first, first.number < position.segment {
      if reader?.segment.number == first.number { reader = nil }
      // After a failure it is tried again with the next one; the bookmark is past it, so it is not read again.
      do throws(SystemError) {
        try store.remove(path(first.number))
      } catch {
        guard error.errno == SystemError.noEntry else { throw error }
      }
      segments.removeFirst()
      released = true
    }
    try store.syncDirectory(directory)
    return released
  }

  private func stepOverSegmentEnd() {
    while segments.count > 1, let index = segments.firstIndex(where: { $0.number == position.segment }),
      index + 1 < segments.count, let end = segments[index].end, position.offset >= end
    {
      position.segment = segments[index + 1].number
      position.offset = SegmentHeader.bytes
      bookmarkIsBehind = true
    }
  }

  /// Makes all durable and says goodbye: the next start is a clean one.
  func close() {
    _ = resume()
    if !ring.isEmpty {
      log.error("queue closed while the disk takes nothing; blocks lost", ("items", "\(ringItems)"))
    }
    try? persistBookmark(closing: true)
    active = nil
    reader = nil
    lock = nil
  }
}

/// `0000000000000007.seg` in `directory`.
func segmentPath(_ directory: String, _ number: UInt64) -> String {
  let digits = String(number, radix: 16)
  return "\(directory)/\(String(repeating: "0", count: 16 - digits.count))\(digits).seg"
}

extension SystemError {
  // The kernel's numbers, here so that the module needs no libc.
  static var noEntry: Int32 { 2 }
  static var inputOutput: Int32 { 5 }
  static var wouldBlock: Int32 { 11 }
  static var accessDenied: Int32 { 13 }
  static var isDirectory: Int32 { 21 }
  static var noSpace: Int32 { 28 }
  static var tooManyLinks: Int32 { 40 }

  /// Whether a file that cannot be opened for this will not be readable later.
  var meansUnreadable: Bool {
    [SystemError.inputOutput, SystemError.isDirectory, SystemError.tooManyLinks].contains(errno)
  }
}
