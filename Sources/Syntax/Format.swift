// SPDX-License-Identifier: Apache-2.0

/// Prints `file` the one way, or says why it cannot be.
///
/// Literals, quoted keys and comments are copied byte for byte, and what is printed prints the same again.
public func format(_ file: SourceFile) -> Result<[UInt8], SyntaxErrors> {
  let (body, diagnostics, comments) = parseWithTrivia(file)
  guard !diagnostics.contains(where: { $0.severity == .error }) else {
    return .failure(SyntaxErrors(diagnostics: diagnostics))
  }
  var printer = Printer(file: file, comments: comments)
  printer.print(body)
  return .success(Array(printer.layout.text.utf8))
}

/// Walks the tree and the comments, which fall where they stand in the source, and lays out lines.
private struct Printer {
  let file: SourceFile
  let comments: [Comment]
  var layout = Layout()
  private var nextComment = 0
  private var indent = 0

  init(file: SourceFile, comments: [Comment]) {
    self.file = file
    self.comments = comments
  }

  // MARK: - Statements

  mutating func print(_ body: Body) {
    print(body.statements, until: file.bytes.count)
    layout.finish()
  }

  /// Prints statements, each on lines of its own, and the comments between them up to offset `end`.
  private mutating func print(_ statements: [Statement], until end: Int) {
    var run = layout.newRun()
    var lastLine: Int?  // in the source, of what was printed last in this body
    for statement in statements {
      let start = statement.range.start
      let isBlock = if case .block = statement { true } else { false }
      var forcesBlank = isBlock && lastLine != nil
      printOwnLineComments(before: start.offset, &lastLine, &run, &forcesBlank)
      if startLine(blankAfter: lastLine, firstLine(start), forced: forcesBlank) { run = layout.newRun() }
      printInlineComments(before: start.offset)
      switch statement {
      case .attribute(let attribute):
        if !print(attribute, run) { run = layout.newRun() }
      case .block(let block):
        print(block)
        run = layout.newRun()
      }
      lastLine = statement.range.end.line
      printTrailingComments(&lastLine, until: end)
    }
    var forcesBlank = false
    printOwnLineComments(before: end, &lastLine, &run, &forcesBlank)
  }

  /// Begins a line, after a blank one where the source has one or more. True when there is a blank line.
  private mutating func startLine(blankAfter lastLine: Int?, _ line: Int, forced: Bool) -> Bool {
    let blank = lastLine.map { forced || line - $0 > 1 } ?? false
    layout.breakLine(indent: indent, blank: blank)
    return blank
  }

  /// Comments before `offset` that do not share a line with what stands there.
  private mutating func printOwnLineComments(
    before offset: Int, _ lastLine: inout Int?, _ run: inout Int, _ forcesBlank: inout Bool
  ) {
    while let comment = pending(before: offset), !leads(comment, to: offset) {
      let lines = lines(of: comment)
      if lines.lowerBound == lastLine {
        layout.writeTrailing(text(of: comment))
      } else {
        _ = startLine(blankAfter: lastLine, lines.lowerBound, forced: forcesBlank)
        forcesBlank = false
        layout.write(text(of: comment))
        run = layout.newRun()
      }
      nextComment += 1
      lastLine = lines.upperBound
    }
  }

  /// Whether what stands at `offset` follows `comment` on the same line, and is not a closing bracket.
  private func leads(_ comment: Comment, to offset: Int) -> Bool {
    guard !comment.isLine, offset < file.bytes.count, !")]}".utf8.contains(file.bytes[offset]) else { return false }
    return !file.bytes[comment.end..<offset].contains(UInt8(ascii: "\n"))
  }

  /// The line of what is printed next: of the comment that leads to `start`, or of `start` itself.
  private func firstLine(_ start: SourcePosition) -> Int {
    pending(before: start.offset).map { lines(of: $0).lowerBound } ?? start.line
  }

  /// Comments on the line where something ended.
  private mutating func printTrailingComments(_ lastLine: inout Int?, until end: Int) {
    while let comment = pending(before: end), let line = lastLine {
      let lines = lines(of: comment)
      guard lines.lowerBound == line else { return }
      layout.writeTrailing(text(of: comment))
      nextComment += 1
      lastLine = lines.upperBound
    }
  }

  /// True when the attribute took one line, so that the run goes on.
  private mutating func print(_ attribute: Attribute, _ run: Int) -> Bool {
    let first = layout.lineNumber
    write(attribute.name.name, at: attribute.name.range.start.offset)
    // The `=` follows the name and perhaps comments.
    printInlineComments(before: offset(of: UInt8(ascii: "="), after: attribute.name.range.end.offset + 1))
    layout.endKey(run: run)
    layout.write(" =")
    layout.space()
    print(attribute.value)
    let isSingle = layout.lineNumber == first && !layout.lineHasNewline
    if !isSingle { layout.leaveRun() }
    return isSingle
  }

  /// The offset of `byte` after `offset`, where only blanks and comments may stand before it.
  private func offset(of byte: UInt8, after offset: Int) -> Int {
    var offset = offset
    var index = nextComment
    while offset < file.bytes.count, file.bytes[offset] != byte {
      while index < comments.count, comments[index].start < offset { index += 1 }
      let isComment = index < comments.count && comments[index].start == offset
      offset = isComment ? comments[index].end : offset + 1
    }
    return offset
  }

  private mutating func print(_ block: Block) {
    for (index, part) in block.name.enumerated() {
      if index > 0 { layout.write(".") }
      write(part.name, at: part.range.start.offset)
    }
    if let label = block.label, !label.isEmpty, let range = block.labelRange {
      layout.space()
      write("\"\(label)\"", at: range.start.offset)
    }
    layout.space()
    let open = block.headerRange.end
    write("{", at: open.offset)
    let close = block.range.end
    var line: Int? = open.line
    let before = nextComment
    printTrailingComments(&line, until: close.offset)
    if block.body.statements.isEmpty, before == nextComment, pending(before: close.offset) == nil {
      layout.write(" }")
      return
    }
    indent += 1
    print(block.body.statements, until: close.offset)
    indent -= 1
    layout.breakLine(indent: indent)
    layout.write("}")
  }

  // MARK: - Expressions

  private mutating func print(_ expression: Expression) {
    switch expression {
    case .literal(_, let range): write(source(range), at: range.start.offset)
    case .identifier(let name): write(name.name, at: name.range.start.offset)
    case .array(let elements, let range):
      write("[", at: range.start.offset)
      printList(elements.map { ListItem($0) }, after: range.start, until: range.end, "]")
    case .object(let fields, let range):
      write("{", at: range.start.offset)
      printList(fields.map { ListItem($0) }, after: range.start, until: range.end, "}")
    case .access(let base, let name):
      print(base)
      // `1.b` would be the number `1.` before a name.
      if case .literal(let value, _) = base, value.number != nil { layout.space() }
      layout.write(".")
      write(name.name, at: name.range.start.offset)
    case .index(let base, let index, let range):
      print(base)
      layout.write("[")
      print(index)
      write("]", at: range.end.offset)
    case .call(let function, let arguments, let range):
      print(function)
      let open = offset(of: UInt8(ascii: "("), after: function.range.end.offset + 1)
      write("(", at: open)
      printList(arguments.map { ListItem($0) }, after: file.position(at: open), until: range.end, ")")
    case .unary(let op, let operand, let range):
      write(op.rawValue, at: range.start.offset)
      print(operand)
    case .binary(let op, let left, let right):
      print(left)
      layout.space()
      layout.write(op.rawValue)
      layout.space()
      print(right)
    case .parenthesized(let inner, let range):
      write("(", at: range.start.offset)
      print(inner)
      write(")", at: range.end.offset)
    case .invalid: break
    }
  }

  /// An element of an array, an argument of a call, or a field of an object.
  private struct ListItem {
    let key: SourceRange?
    let value: Expression

    init(_ value: Expression) {
      key = nil
      self.value = value
    }

    init(_ field: Field) {
      key = field.keyRange
      value = field.value
    }

    var start: SourcePosition { key?.start ?? value.range.start }
  }

  /// Prints what stands between brackets; lines break where they do in the source.
  private mutating func printList(
    _ items: [ListItem], after open: SourcePosition, until close: SourcePosition, _ bracket: String
  ) {
    var run = layout.newRun()
    var lastLine = open.line
    for (index, item) in items.enumerated() {
      let hadComment = printListComments(before: item.start.offset, &lastLine, isFirst: index == 0)
      if hadComment { run = layout.newRun() }
      let breaks = item.start.line > lastLine
      if breaks {
        let blank = (index > 0 || hadComment) && firstLine(item.start) - lastLine > 1
        indent += 1
        layout.breakLine(indent: indent, blank: blank)
        if blank { run = layout.newRun() }
      } else if index > 0 {
        layout.space()
      }
      if !print(item, startsLine: breaks, run) { run = layout.newRun() }
      if breaks { indent -= 1 }
      lastLine = item.value.range.end.line
      if index + 1 < items.count || close.line > lastLine { layout.write(",") }
    }
    let hadComments = nextComment
    let closesLine = close.line > lastLine
    if closesLine { _ = printListComments(before: close.offset, &lastLine, isFirst: items.isEmpty) }
    if closesLine, !items.isEmpty || hadComments != nextComment { layout.breakLine(indent: indent) }
    write(bracket, at: close.offset)
  }

  /// True when the run goes on after this field.
  private mutating func print(_ item: ListItem, startsLine: Bool, _ run: Int) -> Bool {
    let first = layout.lineNumber
    if let key = item.key {
      write(source(key), at: key.start.offset)
      printInlineComments(before: offset(of: UInt8(ascii: "="), after: key.end.offset + 1))
      if startsLine { layout.endKey(run: run) }
      layout.write(" =")
      layout.space()
    } else if startsLine {
      layout.join(run: run)
    }
    print(item.value)
    let isSingle = layout.lineNumber == first && !layout.lineHasNewline
    if !isSingle { layout.leaveRun() }
    return isSingle
  }

  /// Comments between elements. True when one had a line of its own.
  private mutating func printListComments(before offset: Int, _ lastLine: inout Int, isFirst: Bool) -> Bool {
    var hadOwnLine = false
    var isFirst = isFirst
    while let comment = pending(before: offset), !leads(comment, to: offset) {
      let lines = lines(of: comment)
      if lines.lowerBound == lastLine {
        layout.writeTrailing(text(of: comment))
      } else {
        layout.breakLine(indent: indent + 1, blank: !isFirst && lines.lowerBound - lastLine > 1)
        layout.write(text(of: comment))
        hadOwnLine = true
      }
      isFirst = false
      nextComment += 1
      lastLine = lines.upperBound
    }
    return hadOwnLine
  }

  // MARK: - Words and comments

  /// Writes `text`, which stands at `offset`, after the comments before it.
  private mutating func write(_ text: String, at offset: Int) {
    printInlineComments(before: offset)
    layout.write(text)
  }

  /// Comments within a statement: a `//` comment breaks the line, which only stands where a line may break.
  private mutating func printInlineComments(before offset: Int) {
    while let comment = pending(before: offset) {
      nextComment += 1
      if comment.isLine || !layout.isAfterOpening { layout.space() }
      layout.write(text(of: comment))
      if comment.isLine { layout.breakLine(indent: indent + 1) } else { layout.space() }
    }
  }

  private func pending(before offset: Int) -> Comment? {
    guard nextComment < comments.count, comments[nextComment].start < offset else { return nil }
    return comments[nextComment]
  }

  /// The first and last line of a comment.
  private func lines(of comment: Comment) -> ClosedRange<Int> {
    file.line(at: comment.start) + 1...file.line(at: max(comment.start, comment.end - 1)) + 1
  }

  /// A comment without blanks at the ends of its lines.
  private func text(of comment: Comment) -> String {
    let lines = file.bytes[comment.start..<comment.end].split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return lines.map { line in
      var line = line
      while let last = line.last, last == 0x20 || last == 0x09 || last == 0x0d { line.removeLast() }
      return String(decoding: line, as: UTF8.self)
    }.joined(separator: "\n")
  }

  private func source(_ range: SourceRange) -> String {
    String(decoding: file.bytes[range.start.offset...range.end.offset], as: UTF8.self)
  }
}
