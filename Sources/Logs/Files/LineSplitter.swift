// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Finds the lines in the bytes of a file and makes UTF-8 of them, within bounds.
struct LineSplitter {
  /// What stands at a place.
  enum Step: Equatable {
    /// A line; `text` has it. The next begins at `next`, inside the same line when that was cut before its end.
    case line(next: Int, isInsideLine: Bool)
    /// Nothing to deliver before `next`.
    case nothing(next: Int, isInsideLine: Bool)
    /// The beginning of a line.
    case incomplete
  }

  /// Where the text of the last line stands.
  enum Text: Equatable {
    /// In the bytes it was found in.
    case inPlace(Range<Int>)
    /// In `rewritten`.
    case rewritten
  }

  let encoding: TextEncoding
  /// The most bytes a line may have, the mark of one that was cut included.
  let longest: Int
  private(set) var text = Text.rewritten
  private(set) var rewritten: [UInt8] = []
  private(set) var linesCut = 0
  private(set) var linesRepaired = 0
  private(set) var bytesOfNUL = 0

  init(encoding: TextEncoding, longest: Int) {
    self.encoding = encoding
    self.longest = longest
  }

  /// What stands at `start` of `bytes`; what is there may be continued unless `isEnd`.
  ///
  /// One that is given `longest` bytes and more always gets on.
  mutating func step(_ bytes: Span<UInt8>, from start: Int, isInsideLine: Bool, isEnd: Bool) -> Step {
    let end = bytes.count - (bytes.count - start) % encoding.unitBytes
    if isInsideLine {
      guard let newline = newline(bytes, start..<end) else { return .nothing(next: end, isInsideLine: !isEnd) }
      return .nothing(next: newline + encoding.unitBytes, isInsideLine: false)
    }
    if start < end, isNUL(bytes, start) { return skipNULs(bytes, start..<end) }
    if let newline = newline(bytes, start..<end) {
      let next = newline + encoding.unitBytes
      take(bytes, start..<newline, isWhole: true)
      return isNothing(start..<newline)
        ? .nothing(next: next, isInsideLine: false) : .line(next: next, isInsideLine: false)
    }
    guard end - start > longest || (isEnd && end > start) else {
      return isEnd && start < bytes.count ? .nothing(next: bytes.count, isInsideLine: false) : .incomplete
    }
    take(bytes, start..<end, isWhole: isEnd)
    if isEnd, isNothing(start..<end) { return .nothing(next: bytes.count, isInsideLine: false) }
    return .line(next: isEnd ? bytes.count : end, isInsideLine: !isEnd)
  }

  /// Forgets what was counted, and says it.
  mutating func takeCounts() -> (cut: Int, repaired: Int, nul: Int) {
    defer { (linesCut, linesRepaired, bytesOfNUL) = (0, 0, 0) }
    return (linesCut, linesRepaired, bytesOfNUL)
  }

  /// Whether a line that was not empty is, once its NULs are gone.
  private func isNothing(_ raw: Range<Int>) -> Bool { !raw.isEmpty && text == .rewritten && rewritten.isEmpty }

  private mutating func skipNULs(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Step {
    var next = range.lowerBound
    while next < range.upperBound, isNUL(bytes, next) { next += encoding.unitBytes }
    bytesOfNUL += next - range.lowerBound
    // What is left of a line of NULs is no empty line.
    if next < range.upperBound, newline(bytes, next..<next + encoding.unitBytes) == next { next += encoding.unitBytes }
    return .nothing(next: next, isInsideLine: false)
  }

  private func isNUL(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
    bytes[index] == 0 && (encoding.unitBytes == 1 || bytes[index + 1] == 0)
  }

  private func newline(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard case .utf16(let isBigEndian) = encoding else { return firstIndex(of: 0x0a, in: bytes, range) }
    var start = range.lowerBound
    while let found = firstIndex(of: 0x0a, in: bytes, start..<range.upperBound) {
      let unit = found - (found - range.lowerBound) % 2
      if found == (isBigEndian ? unit + 1 : unit), bytes[isBigEndian ? unit : unit + 1] == 0 { return unit }
      start = found + 1
    }
    return nil
  }

  /// Makes `text` of the line in `range`, which is all of it when `isWhole`.
  private mutating func take(_ bytes: Span<UInt8>, _ range: Range<Int>, isWhole: Bool) {
    // No encoding makes fewer than half as many bytes of UTF-8, so what is beyond is cut off anyway.
    let looked = range.lowerBound..<min(range.upperBound, range.lowerBound + 2 * longest + 2)
    switch encoding {
    case .utf8: takeUTF8(bytes, looked)
    case .utf16(let isBigEndian): takeUTF16(bytes, looked, isBigEndian: isBigEndian)
    case .singleByte(let table): takeSingleBytes(bytes, looked, table)
    }
    let count: Int
    switch text {
    case .inPlace(let part): count = part.count
    case .rewritten: count = rewritten.count
    }
    if count > longest || !isWhole || looked.upperBound < range.upperBound {
      cut(bytes, mark: isWhole ? " [cut from \(range.count) bytes]" : " [cut]")
    }
  }

  private mutating func takeUTF8(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    let part = bytes.extracting(range)
    switch inspectUTF8(part) {
    case .clean:
      let hasReturn = part.count > 0 && part[part.count - 1] == 0x0d
      text = .inPlace(range.lowerBound..<range.upperBound - (hasReturn ? 1 : 0))
    case .hasNUL: rewriteUTF8(part)
    case .isInvalid:
      linesRepaired += 1
      rewriteUTF8(part)
    }
  }

  private mutating func rewriteUTF8(_ part: Span<UInt8>) {
    var kept: [UInt8] = []
    for index in part.indices where part[index] != 0 { kept.append(part[index]) }
    bytesOfNUL += part.count - kept.count
    rewritten = Array(String(decoding: kept, as: UTF8.self).utf8)
    finishRewriting()
  }

  private mutating func takeUTF16(_ bytes: Span<UInt8>, _ range: Range<Int>, isBigEndian: Bool) {
    var units: [UInt16] = []
    units.reserveCapacity(range.count / 2)
    for index in stride(from: range.lowerBound, to: range.upperBound - 1, by: 2) {
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      let unit = isBigEndian ? first << 8 | second : second << 8 | first
      if unit == 0 { bytesOfNUL += 2 } else { units.append(unit) }
    }
    let (decoded, isRepaired) = decodeUTF16(units)
    if isRepaired { linesRepaired += 1 }
    rewritten = decoded
    finishRewriting()
  }

  private mutating func takeSingleBytes(_ bytes: Span<UInt8>, _ range: Range<Int>, _ table: [UInt32]) {
    rewritten.removeAll(keepingCapacity: true)
    for index in range {
      let byte = bytes[index]
      switch byte {
      case 0: bytesOfNUL += 1
      case ..<0x80: rewritten.append(byte)
      default: appendUTF8(Unicode.Scalar(table[Int(byte) - 128]) ?? "\u{fffd}", to: &rewritten)
      }
    }
    finishRewriting()
  }

  private mutating func finishRewriting() {
    if rewritten.last == 0x0d { rewritten.removeLast() }
    text = .rewritten
  }

  /// Shortens `text` so that it ends with `mark` and has no half character.
  private mutating func cut(_ bytes: Span<UInt8>, mark: String) {
    linesCut += 1
    if case .inPlace(let range) = text {
      rewritten.removeAll(keepingCapacity: true)
      for index in range.lowerBound..<min(range.upperBound, range.lowerBound + longest) {
        rewritten.append(bytes[index])
      }
    }
    var count = max(0, min(rewritten.count, longest - mark.utf8.count))
    if count < rewritten.count { while count > 0, rewritten[count] & 0xc0 == 0x80 { count -= 1 } }
    rewritten.removeSubrange(count...)
    rewritten.append(contentsOf: mark.utf8)
    text = .rewritten
  }
}
