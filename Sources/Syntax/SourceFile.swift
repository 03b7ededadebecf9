// SPDX-License-Identifier: Apache-2.0

/// The text of one configuration file, as UTF-8.
public struct SourceFile: Sendable {
  /// The name diagnostics show.
  public let name: String
  /// The text without byte-order mark.
  public let bytes: [UInt8]
  /// The offset of the first byte of each line.
  let lineStarts: [Int]

  /// Takes a file's bytes: a byte-order mark is dropped, and UTF-16 that begins with one becomes UTF-8.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    let text = normalised(bytes)
    self.bytes = text
    var starts = [0]
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") { starts.append(index + 1) }
    lineStarts = starts
  }

  /// Takes text as it is.
  public init(name: String, text: String) { self.init(name: name, bytes: Array(text.utf8)) }

  /// Where byte `offset` stands.
  public func position(at offset: Int) -> SourcePosition {
    let line = line(at: offset)
    return SourcePosition(file: name, line: line + 1, column: offset - lineStarts[line] + 1, offset: offset)
  }

  /// The text of line `number`, counted from 1, without its end.
  func line(_ number: Int) -> ArraySlice<UInt8> {
    guard number >= 1, number <= lineStarts.count else { return [] }
    let start = lineStarts[number - 1]
    var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return bytes[start..<end]
  }

  /// The index of the line that holds byte `offset`.
  func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }
}

private func normalised(_ bytes: [UInt8]) -> [UInt8] {
  if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return Array(bytes.dropFirst(3)) }
  if bytes.starts(with: [0xff, 0xfe]) { return transcoded(bytes.dropFirst(2), low: 0) }
  if bytes.starts(with: [0xfe, 0xff]) { return transcoded(bytes.dropFirst(2), low: 1) }
  return bytes
}

private func transcoded(_ bytes: ArraySlice<UInt8>, low: Int) -> [UInt8] {
  let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2)
    .map { UInt16(bytes[$0 + low]) | UInt16(bytes[$0 + 1 - low]) << 8 }
  return Array(String(decoding: units, as: UTF16.self).utf8)
}
