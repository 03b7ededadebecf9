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
}
