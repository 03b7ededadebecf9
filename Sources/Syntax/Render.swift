// SPDX-License-Identifier: Apache-2.0

/// The diagnostics as people see them, each with the lines of its file around it.
///
/// ```
/// Error: main.alloy:12:3: unrecognized attribute name "tset"
///
/// 11 |     argument "address" {
/// 12 |         tset = ""
///    |         ^^^^^^^^^
/// 13 |     }
///    = help: did you mean "test"?
/// ```
public func render(_ diagnostics: [Diagnostic], sources: [SourceFile]) -> String {
  diagnostics.map { render($0, sources) }.joined(separator: "\n")
}

/// Names and values come from files, which are as long as they are.
private func shortened(_ message: String, to longest: Int = 2000) -> String {
  guard message.utf8.count > longest else { return message }
  return String(decoding: message.utf8.prefix(longest), as: UTF8.self) + "…"
}

private func render(_ diagnostic: Diagnostic, _ sources: [SourceFile]) -> String {
  var lines = [shortened(diagnostic.description)]
  if let range = diagnostic.range, let source = sources.first(where: { $0.name == range.start.file }) {
    lines.append("")
    lines += Excerpt(source: source, range: range, hint: diagnostic.hint).lines
  } else if let hint = diagnostic.hint {
    lines.append("  = help: \(hint)")
  }
  return lines.map { $0 + "\n" }.joined()
}

/// The lines of a range, one before and one after it, with a line of `^` below what is wrong; of a long line the part
/// around that.
private struct Excerpt {
  private static let longestLine = 400

  let source: SourceFile
  let range: SourceRange
  let hint: String?

  private var first: Int { range.start.line }
  private var last: Int { max(first, range.end.line) }
  /// The lines there are; a newline that ends the file begins no further one.
  private var count: Int { source.lineStarts.count - (source.bytes.last == UInt8(ascii: "\n") ? 1 : 0) }
  private var shown: ClosedRange<Int> { max(1, first - 1)...max(first, min(last + 1, count)) }
  private var width: Int { String(shown.upperBound).utf8.count }

  var lines: [String] { (first == last ? singleLine : severalLines) + help }

  private var singleLine: [String] {
    var lines: [String] = []
    for number in shown {
      lines.append(numbered(number))
      guard number == first else { continue }
      let start = displayColumn(range.start)
      let length = max(1, displayColumn(range.end) - start + 1)
      lines.append(unnumbered(String(repeating: " ", count: start) + String(repeating: "^", count: length)))
    }
    return lines
  }

  private var severalLines: [String] {
    var lines: [String] = []
    for number in shown {
      if isLeftOut(number) {
        if number == first + 5 { lines.append("...") }
        continue
      }
      let inside = number > first && number <= last
      lines.append(numbered(number, gutter: inside ? "| " : "  "))
      if number == first {
        let start = displayColumn(range.start)
        let length = max(1, displayEnd(number) - start)
        lines.append(
          unnumbered(" " + String(repeating: "_", count: start + 1) + String(repeating: "^", count: length)))
      }
      if number == last {
        let indent = displayWidth(part(number).prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
        let end = displayColumn(range.end)
        let start = min(indent, end)
        let carets = String(repeating: "^", count: end - start + 1)
        lines.append(unnumbered("|" + String(repeating: "_", count: start + 1) + carets))
      }
    }
    return lines
  }

  /// Of more than ten lines the first five and the last two are shown.
  private func isLeftOut(_ number: Int) -> Bool { last - first >= 10 && number >= first + 5 && number < last - 1 }

  private var help: [String] { hint.map { [String(repeating: " ", count: width) + " = help: \(shortened($0))"] } ?? [] }

  private func numbered(_ number: Int, gutter: String = "") -> String {
    let digits = String(number)
    let padding = String(repeating: " ", count: width - digits.utf8.count)
    return trimmedEnd(
      "\(padding)\(digits) | \(gutter)\(ellipsis(before: number))\(display(part(number)))\(ellipsis(after: number))")
  }

  private func unnumbered(_ text: String) -> String { String(repeating: " ", count: width) + " | " + text }

  /// Where a position is shown: tabs are four wide, and what is not ASCII one per code point.
  private func displayColumn(_ position: SourcePosition) -> Int {
    let part = part(position.line)
    let place = source.line(position.line).startIndex + position.column - 1
    return ellipsis(before: position.line).count
      + displayWidth(part[..<max(part.startIndex, min(place, part.endIndex))])
  }

  private func displayEnd(_ number: Int) -> Int { ellipsis(before: number).count + displayWidth(part(number)) }

  /// What is shown of a line.
  private func part(_ number: Int) -> ArraySlice<UInt8> {
    let line = source.line(number)
    guard line.count > Self.longestLine else { return line }
    let column = number == first ? range.start.column : number == last ? range.end.column : 1
    let wanted = line.startIndex + max(0, min(column, line.count) - Self.longestLine / 2)
    // No code point is cut in two.
    let rest = line[wanted...].drop { $0 & 0xc0 == 0x80 }
    var end = min(rest.startIndex + Self.longestLine, rest.endIndex)
    while end < rest.endIndex, end > rest.startIndex, rest[end] & 0xc0 == 0x80 { end -= 1 }
    return rest[..<end]
  }

  private func ellipsis(before number: Int) -> String {
    part(number).startIndex > source.line(number).startIndex ? "…" : ""
  }

  private func ellipsis(after number: Int) -> String {
    part(number).endIndex < source.line(number).endIndex ? "…" : ""
  }
}

private func display(_ line: ArraySlice<UInt8>) -> String {
  var text = ""
  for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
    switch scalar {
    case "\t": text += "    "
    // What moves a terminal's cursor is not for a terminal.
    case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value): text += "\u{fffd}"
    default: text.unicodeScalars.append(scalar)
    }
  }
  return text
}

private func displayWidth(_ line: ArraySlice<UInt8>) -> Int { display(line).unicodeScalars.count }

private func trimmedEnd(_ text: String) -> String {
  var rest = Substring(text)
  while rest.last == " " { rest.removeLast() }
  return String(rest)
}
