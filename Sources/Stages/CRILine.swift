// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A line as container runtimes write it: `2026-11-23T12:38:51.000123456Z stdout F the text`.
///
/// The time is not looked at, the flag may be missing, and so may the blank after it: a text that begins with P or F
/// where there is no flag loses that letter, as it does in Alloy.
struct CRILine {
  var time: Range<Int>
  var stream: Range<Int>
  /// `P` for a part, `F` for the whole or its end; nil where there is none.
  var flag: Range<Int>?
  var content: Range<Int>

  /// Nil where there is no such line at `line` of `bytes`.
  init?(_ bytes: Span<UInt8>, _ line: Range<Int>) {
    let blank = UInt8(ascii: " ")
    guard let timeEnd = firstIndex(of: blank, in: bytes, line), timeEnd > line.lowerBound,
      let streamEnd = firstIndex(of: blank, in: bytes, (timeEnd + 1)..<line.upperBound)
    else { return nil }
    time = line.lowerBound..<timeEnd
    stream = (timeEnd + 1)..<streamEnd
    guard equal(bytes, stream, "stdout") || equal(bytes, stream, "stderr") else { return nil }
    var start = streamEnd + 1
    if start < line.upperBound, bytes[start] == UInt8(ascii: "P") || bytes[start] == UInt8(ascii: "F") {
      flag = start..<(start + 1)
      start += 1
    }
    if start < line.upperBound, bytes[start] == blank { start += 1 }
    content = start..<line.upperBound
  }
}
