// SPDX-License-Identifier: Apache-2.0

/// Lines being printed, whose `=` and trailing comments are brought under each other at the end.
struct Layout {
  private struct Line {
    var indent: Int
    var text = ""
    /// What the line is aligned with: lines of the same run.
    var run: Int?
    /// The bytes before the `=`.
    var keyLength: Int?
    var comment = ""
  }

  private var lines: [Line] = []
  private var current = Line(indent: 0)
  private var wantsSpace = false
  private var runs = 0

  /// The number of lines finished.
  var lineNumber: Int { lines.count }

  /// Whether the current line holds text of several lines, such as a raw string.
  var lineHasNewline: Bool { current.text.utf8.contains(UInt8(ascii: "\n")) }

  /// A number for lines that are to be aligned with each other.
  mutating func newRun() -> Int {
    runs += 1
    return runs
  }

  /// Asks for a space before what is written next, unless that closes a bracket or the line ends.
  mutating func space() { wantsSpace = true }

  /// Whether a bracket was opened just now.
  var isAfterOpening: Bool { current.text.utf8.last.map { "([{".utf8.contains($0) } ?? false }

  mutating func write(_ text: String) {
    if wantsSpace, !current.text.isEmpty, !text.isEmpty, ![")", "]", ","].contains(text) {
      current.text += " "
    }
    wantsSpace = false
    current.text += text
  }

  /// Adds a comment to the end of the current line.
  mutating func writeTrailing(_ comment: String) {
    if !current.comment.isEmpty { current.comment += " " }
    current.comment += comment
    wantsSpace = false
  }

  /// What was written so far is a key, aligned with the other keys of `run`.
  mutating func endKey(run: Int) {
    wantsSpace = false
    guard !lineHasNewline else { return }
    current.run = run
    current.keyLength = current.text.utf8.count
  }

  /// The current line has no key but belongs to `run`, for its comment.
  mutating func join(run: Int) { current.run = run }

  /// The current line ends a value of several lines: its comment is aligned with no other.
  mutating func leaveRun() {
    if current.keyLength == nil { current.run = nil }
  }

  mutating func breakLine(indent: Int, blank: Bool = false) {
    finishLine()
    if blank { lines.append(Line(indent: 0)) }
    current.indent = indent
  }

  mutating func finish() { finishLine() }

  private mutating func finishLine() {
    wantsSpace = false
    if !current.text.isEmpty || !current.comment.isEmpty { lines.append(current) }
    current = Line(indent: 0)
  }

  // MARK: - Alignment

  /// The lines, each with its end; a single newline when there are none.
  var text: String {
    var keyWidths: [Int: Int] = [:]
    for line in lines {
      guard let run = line.run, let length = line.keyLength else { continue }
      keyWidths[run] = max(keyWidths[run] ?? 0, width(line.text, length))
    }
    let aligned = lines.map { line -> Line in
      guard let run = line.run, let length = line.keyLength, let widest = keyWidths[run] else { return line }
      var line = line
      let padding = String(repeating: " ", count: widest - width(line.text, length))
      let utf8 = line.text.utf8
      line.text = String(Substring(utf8.prefix(length))) + padding + String(Substring(utf8.dropFirst(length)))
      return line
    }
    var textWidths: [Int: Int] = [:]
    for line in aligned where !line.comment.isEmpty && isAligned(line) {
      guard let run = line.run else { continue }
      textWidths[run] = max(textWidths[run] ?? 0, line.text.unicodeScalars.count)
    }
    let printed = aligned.map { line -> String in
      guard !line.comment.isEmpty else { return indented(line) }
      let widest = isAligned(line) ? line.run.flatMap { textWidths[$0] } ?? 0 : 0
      let padding = max(line.text.isEmpty ? 0 : 1, widest + 1 - line.text.unicodeScalars.count)
      return indented(line) + String(repeating: " ", count: padding) + line.comment
    }
    return printed.isEmpty ? "\n" : printed.map { $0 + "\n" }.joined()
  }

  private func isAligned(_ line: Line) -> Bool { !line.text.utf8.contains(UInt8(ascii: "\n")) }

  private func indented(_ line: Line) -> String {
    line.text.isEmpty && line.comment.isEmpty ? "" : String(repeating: "\t", count: line.indent) + line.text
  }

  private func width(_ text: String, _ length: Int) -> Int {
    Substring(text.utf8.prefix(length)).unicodeScalars.count
  }
}
