// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct FormatTests {
  @Test(arguments: try Fixture.all("fmt")) func `a document is printed as expected, and the same again`(
    fixture: Fixture
  ) {
    let once = formatted(fixture.input)
    #expect(once == fixture.expected)
    #expect(formatted(once) == once)
  }

  @Test func `a carriage return before a newline goes, one within a raw string stays`() {
    #expect(formatted("a = 1\r\nb = `x\r\ny`\r\n") == "a = 1\nb = `x\r\ny`\n")
  }

  @Test func `tabs and trailing blanks within literals stay`() {
    #expect(formatted("a = `x\ty  \n\tz`\nbcd = \"\t\"\n") == "a = `x\ty  \n\tz`\nbcd = \"\t\"\n")
  }

  @Test func `a file ends with one newline even when its last line had none`() {
    #expect(formatted("a = 1") == "a = 1\n")
    #expect(formatted("// a") == "// a\n")
  }

  @Test(arguments: ["", "\n", "\n\n  \n\t\n"]) func `a file without statements is one newline`(text: String) {
    #expect(formatted(text) == "\n")
  }

  @Test func `a file with errors is not printed`() {
    guard case .failure(let errors) = format(source("a = [1")) else {
      Issue.record("it was printed")
      return
    }
    #expect(errors.description == "Error: main.alloy:1:7: expected ], got EOF")
  }
}
