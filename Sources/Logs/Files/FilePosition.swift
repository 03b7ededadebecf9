// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How far a file was read, and what tells whether it still is that file; what a destination keeps of it.
///
/// The format, little-endian, after which the offset and the checksum differ from line to line and the rest does not:
///
/// ```
/// version   u8   1
/// flags     u8   1: read to its end, and another file has its path; 2: not read, as it may be a copy in the making
/// birth     u32  of the inode, see birthMark
/// length    u16  of the head
/// hash      u64  of the head
/// listed    i64  nanoseconds: when its directory was last looked through
/// path      u16 length, UTF-8: the path it is, or was, followed at
/// offset    u64  the byte after the last line; the highest bit says that it is inside a line that was cut
/// checksum  u32  CRC32C of the up to 64 bytes before the offset
/// ```
struct FilePosition: Equatable, Sendable {
  /// How many bytes before the offset are looked at to tell whether they are still the ones that were read.
  static let contextBytes = 64
  private static let version: UInt8 = 1
  private static let insideLine: UInt64 = 1 << 63
  /// No file is as long, unpacked archives included; what is read can be added to it without a thought.
  private static let furthest: UInt64 = 1 << 60

  var path: String
  var birth: UInt32 = 0
  var head = HeadFingerprint()
  var listedAt: Int64 = 0
  var offset: Int64 = 0
  var checksum: UInt32 = 0
  /// Whether the offset is inside a line too long, of which the beginning was delivered.
  var isInsideLine = false
  var isFinished = false
  /// Whether it was found beside the log at the path, and what it is remains to be seen.
  var isUnjudged = false

  init(path: String) { self.path = path }

  /// What all positions of the file begin with.
  var prefix: [UInt8] {
    let path = self.path.utf8.prefix(Int(UInt16.max))
    var bytes: [UInt8] = [Self.version, (isFinished ? 1 : 0) | (isUnjudged ? 2 : 0)]
    bytes.reserveCapacity(26 + path.count + 12)
    append(birth, to: &bytes)
    append(head.length, to: &bytes)
    append(head.hash, to: &bytes)
    append(listedAt, to: &bytes)
    append(UInt16(path.count), to: &bytes)
    bytes.append(contentsOf: path)
    return bytes
  }

  /// What follows it.
  var suffix: [UInt8] {
    var bytes: [UInt8] = []
    appendSuffix(to: &bytes)
    return bytes
  }

  func appendSuffix(to bytes: inout [UInt8]) {
    append(UInt64(offset) | (isInsideLine ? Self.insideLine : 0), to: &bytes)
    append(checksum, to: &bytes)
  }

  var encoded: [UInt8] { prefix + suffix }

  /// The position in `bytes`; nil when they are not one, or one of a later version.
  init?(_ bytes: [UInt8]) {
    var reader = PositionReader(bytes: bytes)
    guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self),
      let birth = reader.next(UInt32.self), let length = reader.next(UInt16.self), length <= HeadFingerprint.longest,
      let hash = reader.next(UInt64.self), let listed = reader.next(Int64.self), let path = reader.nextText(),
      let offset = reader.next(UInt64.self), let checksum = reader.next(UInt32.self), reader.isAtEnd,
      offset & ~Self.insideLine <= Self.furthest
    else { return nil }
    self.path = path
    self.birth = birth
    head = HeadFingerprint(length: length, hash: hash)
    listedAt = listed
    self.offset = Int64(offset & ~Self.insideLine)
    self.checksum = checksum
    isInsideLine = offset & Self.insideLine != 0
    isFinished = flags & 1 != 0
    isUnjudged = flags & 2 != 0
  }
}

private func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
  unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
}

private struct PositionReader {
  let bytes: [UInt8]
  var index = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { index == bytes.count }

  mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let count = Number.bitWidth / 8
    guard bytes.count - index >= count else { return nil }
    defer { index += count }
    return (0..<count).reduce(0) { $0 | Number(truncatingIfNeeded: bytes[index + $1]) << Number(8 * $1) }
  }

  mutating func nextText() -> String? {
    guard let count = next(UInt16.self), bytes.count - index >= Int(count) else { return nil }
    defer { index += Int(count) }
    return String(validating: bytes[index..<index + Int(count)], as: UTF8.self)
  }
}

/// The checksum of the bytes before an offset.
func contextChecksum(_ bytes: Span<UInt8>) -> UInt32 { crc32c(bytes) }

/// The checksum of the bytes before an offset, in `range` of a buffer.
func contextChecksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 { crc32c(bytes.span.extracting(range)) }
