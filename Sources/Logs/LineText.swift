// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Makes a line of whatever bytes a source has: valid UTF-8 without NUL, no longer than a hub takes.
public enum LineText {
  /// What became of a line.
  public struct Changes: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// From bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Its end was left out.
    public static let cut = Changes(rawValue: 1)
    /// Bytes that are no text became U+FFFD.
    public static let repaired = Changes(rawValue: 2)
  }

  /// The longest line Loki takes unless told otherwise (`max_line_size`), in bytes.
  public static let limit = 256 << 10
  /// What ends a line that was cut.
  public static let cutMark: StaticString = "… [cut]"

  /// Appends `text` to `buffer`: each NUL and each piece of invalid UTF-8 as U+FFFD, and when that makes more than `limit`
  /// bytes, as many whole characters as leave room for ``cutMark``, and the mark.
  public static func append(_ text: Span<UInt8>, limit: Int = Self.limit, to buffer: inout [UInt8]) -> Changes {
    let start = buffer.count
    var changes: Changes = []
    var index = 0
    // What comes out is never shorter than what went in, so nothing beyond the limit needs to be looked at.
    while index < text.count, buffer.count - start <= limit {
      let end = endOfText(text, from: index, before: min(text.count, index + limit + 4))
      unsafe text.extracting(index..<end).withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
      index = end
      guard index < text.count, buffer.count - start <= limit else { continue }
      buffer.append(contentsOf: [0xef, 0xbf, 0xbd])
      changes.insert(.repaired)
      index += max(1, lengthOfInvalid(text, at: index))
    }
    guard buffer.count - start > limit else { return changes }
    cut(&buffer, from: start, limit: limit)
    return changes.union(.cut)
  }

  /// Where the valid text that begins at `start` ends: before a NUL or invalid bytes, or at the first boundary of
  /// characters from `end` on.
  private static func endOfText(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    var index = start
    while index < end {
      index = endOfASCII(text, from: index, before: end)
      guard index < end else { break }
      let length = lengthOfCharacter(text, at: index)
      guard length > 0 else { return index }
      index += length
    }
    return index
  }

  /// Eight bytes at a time: none of them is 0, none has its highest bit.
  private static func endOfASCII(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    var index = start
    unsafe text.withUnsafeBytes { bytes in
      while index + 8 <= end {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        guard (word | (word &- 0x0101_0101_0101_0101)) & 0x8080_8080_8080_8080 == 0 else { break }
        index += 8
      }
    }
    while index < end, text[index] &- 1 < 0x7f { index += 1 }
    return index
  }

  /// How many bytes the character at `index` has; 0 when there is none, or NUL.
  private static func lengthOfCharacter(_ text: Span<UInt8>, at index: Int) -> Int {
    let first = text[index]
    if first < 0x80 { return first == 0 ? 0 : 1 }
    let length = length(from: first)
    guard length > 0, lengthOfInvalid(text, at: index) == length else { return 0 }
    return length
  }

  /// How many bytes at `index` belong together as the beginning of one character: all its bytes when it is whole.
  private static func lengthOfInvalid(_ text: Span<UInt8>, at index: Int) -> Int {
    let first = text[index]
    let length = length(from: first)
    guard length > 1, index + 1 < text.count, secondBytes(after: first).contains(text[index + 1]) else { return 1 }
    var count = 2
    while count < length, index + count < text.count, text[index + count] & 0xc0 == 0x80 { count += 1 }
    return count
  }

  /// How many bytes a character that begins with `first` has; 0 when none does.
  private static func length(from first: UInt8) -> Int {
    switch first {
    case 0x01...0x7f: 1
    case 0xc2...0xdf: 2
    case 0xe0...0xef: 3
    case 0xf0...0xf4: 4
    default: 0
    }
  }

  /// Neither overlong forms, nor surrogates, nor what is beyond U+10FFFF.
  private static func secondBytes(after first: UInt8) -> ClosedRange<UInt8> {
    switch first {
    case 0xe0: 0xa0...0xbf
    case 0xed: 0x80...0x9f
    case 0xf0: 0x90...0xbf
    case 0xf4: 0x80...0x8f
    default: 0x80...0xbf
    }
  }

  private static func cut(_ buffer: inout [UInt8], from start: Int, limit: Int) {
    var end = start + max(0, limit - cutMark.utf8CodeUnitCount)
    while end > start, buffer[end] & 0xc0 == 0x80 { end -= 1 }
    buffer.removeLast(buffer.count - end)
    cutMark.withUTF8Buffer { unsafe buffer.append(contentsOf: $0) }
  }
}
