// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct RenderTests {
  @Test func `without a range or a source only the message is shown`() {
    let file = source("a = 1\n")
    let range = file.position(at: 0)
    let here = SourceRange(start: range, end: range)
    let nowhere = Diagnostic("it broke", at: nil, hint: "mend it")
    #expect(render([nowhere], sources: []) == "Error: it broke\n  = help: mend it\n")
    #expect(render([Diagnostic(.warning, "odd", at: here)], sources: []) == "Warning: main.alloy:1:1: odd\n")
  }

  @Test func `diagnostics are a blank line apart, tabs four blanks wide, and the caret shows past the end of a line`() {
    let file = source("\ta = [1\n]\n")
    let shown = render(parse(file).diagnostics + [Diagnostic("x", at: nil)], sources: [file])
    #expect(
      shown == """
        Error: main.alloy:1:8: missing ',' in expression list

        1 |     a = [1
          |           ^
        2 | ]
          = help: add ',' here

        Error: x

        """)
  }

  @Test func `line numbers are aligned, and control characters do not reach the terminal`() {
    let file = source(String(repeating: "\n", count: 8) + "// \u{1b}[31m\na = ]\n")
    #expect(
      render(parse(file).diagnostics, sources: [file]) == """
        Error: main.alloy:10:5: expected expression, got ]

         9 | // \u{fffd}[31m
        10 | a = ]
           |     ^

        """)
  }

  @Test func `of a long line the part around the mistake is shown`() {
    let before = String(repeating: "\u{e4}", count: 1 << 16), after = String(repeating: "b", count: 1 << 18)
    let file = source("a = [\"\(before)\", ], \"\(after)\"]\n")
    let lines = render(parse(file).diagnostics, sources: [file]).split(separator: "\n")
    #expect(lines.allSatisfy { $0.utf8.count < 1000 } && lines.count < 100)
    let place = lines.firstIndex { $0.contains("^") } ?? 0
    let caret = lines[place].firstIndex(of: "^").map { lines[place].distance(from: lines[place].startIndex, to: $0) }
    #expect(lines[place - 1].hasPrefix("1 | …\u{e4}") && lines[place - 1].hasSuffix("b…"))
    #expect(caret.map { Array(lines[place - 1])[$0 - 3...$0] } == [",", " ", "]", ","])
  }

  @Test func `a name that is as long as a file is cut in the message too`() {
    let file = source(String(repeating: "x", count: 1 << 17) + " = 1 2\n" + String(repeating: "y", count: 1 << 17))
    #expect(render(parse(file).diagnostics, sources: [file]).utf8.count < 20_000)
  }
}
