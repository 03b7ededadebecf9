// SPDX-License-Identifier: Apache-2.0

import Syntax
import TestSupport
import Testing

/// Laws that hold for whatever bytes a file has: fixtures, and thousands of damaged copies of them.
@Suite struct MutationTests {
  private static let corpus: [[UInt8]] = {
    let files = try! (Fixture.all("fmt") + Fixture.all("diagnostics")).map(\.input)
    let expressions = try! Fixture.all("values").flatMap { $0.input.split(separator: "\n") }
    // Ten expressions make a file.
    let attributes = stride(from: 0, to: expressions.count, by: 10).map { start in
      expressions[start..<min(start + 10, expressions.count)].map { "v = \($0)\n" }.joined()
    }
    return (files + attributes).map { Array($0.utf8) }
  }()

  @Test(arguments: 0..<8) func `damaged files are parsed, printed and evaluated without harm`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var printed = 0
    for _ in 0..<400 {
      var bytes = Self.corpus.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&bytes, &random) }
      if check(bytes, "seed \(seed)") { printed += 1 }
    }
    // Enough of them are still correct for the laws of printing to have been tried.
    #expect(printed > 20)
  }

  @Test(arguments: 0..<8) func `comments and newlines anywhere print, and print again the same`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let files = try Fixture.all("fmt").map { Array($0.input.utf8) }
    let pieces = [" ", "\n", "\n\n", "// c\n", "/* c */", "/* c\n d */", " /* c */ // d\n", ",\n"]
    var printed = 0
    for _ in 0..<300 {
      var bytes = files.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
      }
      if check(bytes, "seed \(seed)") { printed += 1 }
    }
    #expect(printed > 60)
  }

  @Test func `formatting twice is formatting once, and the meaning stays`() {
    let printed = Self.corpus.count { check($0, "fixture") }
    #expect(printed > 60)
  }

  /// True when the file could be printed.
  private func check(_ bytes: [UInt8], _ origin: String) -> Bool {
    let file = SourceFile(name: "main.alloy", bytes: bytes)
    let (body, diagnostics) = parse(file)
    _ = render(diagnostics, sources: [file])
    for attribute in body.attributes { _ = try? evaluate(attribute.value, in: Scope()) }
    for block in body.blocks {
      let (evaluated, found) = evaluate(block, in: Scope())
      _ = render(found + BlockDecoder(evaluated).finish(), sources: [file])
    }
    guard case .success(let once) = format(file) else { return false }
    let printed = SourceFile(name: "main.alloy", bytes: once)
    let text = String(decoding: bytes, as: UTF8.self)
    guard case .success(let twice) = format(printed) else {
      Issue.record("\(origin): what was printed has errors\n\(text)\n-----\n\(String(decoding: once, as: UTF8.self))")
      return true
    }
    if once != twice {
      Issue.record(
        """
        \(origin): printing again changes it
        \(text)
        -----
        \(String(decoding: once, as: UTF8.self))
        -----
        \(String(decoding: twice, as: UTF8.self))
        """)
    }
    if describe(body) != describe(parse(printed).body) {
      Issue.record("\(origin): the meaning changed\n\(text)\n-----\n\(String(decoding: once, as: UTF8.self))")
    }
    return true
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let pieces = [
      "{", "}", "[", "]", "(", ")", ",", ".", "=", "\n", "\"", "`", "//", "/*", "*/", "+", "-", "!", "1", "x", " ",
      "\r\n",
      "\\", "0x", "1.", "null", "/* c */", "// c\n", "/* c\n d */", "a = 1\n", "f(", "\0", "\u{e4}", "#", "'", "^",
    ]
    let place = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes.removeSubrange(place..<end)
    case 1: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
    case 2: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
    case 3: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: end)
    default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
    }
  }
}

/// The tree as text, without positions.
func describe(_ body: Body) -> String {
  body.statements.map { statement in
    switch statement {
    case .attribute(let attribute): "\(attribute.name.name) = \(describe(attribute.value));"
    case .block(let block): "\(block.fullName) <\(block.label ?? "")> {\(describe(block.body))}"
    }
  }.joined()
}

private func describe(_ expression: Expression) -> String {
  switch expression {
  case .literal(let value, _): "\(value.kind) \(value)"
  case .identifier(let name): name.name
  case .array(let elements, _): "[\(elements.map { describe($0) }.joined(separator: ","))]"
  case .object(let fields, _): "{\(fields.map { "\($0.key)=\(describe($0.value))" }.joined(separator: ","))}"
  case .access(let base, let name): "\(describe(base)).\(name.name)"
  case .index(let base, let index, _): "\(describe(base))[\(describe(index))]"
  case .call(let function, let arguments, _):
    "\(describe(function))(\(arguments.map { describe($0) }.joined(separator: ",")))"
  case .unary(let op, let operand, _): "<\(op.rawValue)\(describe(operand))>"
  case .binary(let op, let left, let right): "<\(describe(left))\(op.rawValue)\(describe(right))>"
  case .parenthesized(let inner, _): "(\(describe(inner)))"
  case .invalid: "invalid"
  }
}
