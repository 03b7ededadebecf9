// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct BlockDecoderTests {
  private func decoder(_ text: String) -> BlockDecoder {
    BlockDecoder(evaluate(parse(source("x {\n\(text)\n}\n")).body.blocks[0], in: Scope()).block)
  }

  @Test func `null is the zero value, absence is not`() {
    let decoder = decoder("a = null\nb = null\nc = null")
    #expect(decoder.optional("a", .string) == "")
    #expect(decoder.required("b", .list(of: .int)) == [])
    #expect(decoder.optional("c", .duration, default: .seconds(5)) == .zero)
    #expect(decoder.optional("d", .int) == nil)
    #expect(decoder.optional("e", .int, default: 7) == 7)
    #expect(decoder.has("a") && !decoder.has("d"))
    #expect(decoder.finish() == [])
  }

  @Test func `an attribute that failed to evaluate is not missing`() {
    let decoder = decoder("a = undefined")
    #expect(decoder.required("a", .string) == "")
    #expect(decoder.finish() == [])
  }

  @Test func `blocks keep the order of the file across names`() {
    let decoder = decoder("stage.b { }\nother { }\nstage.a { }\nstage.b { }")
    #expect(decoder.orderedBlocks(matching: "stage.").map(\.name) == ["stage.b", "stage.a", "stage.b"])
    #expect(decoder.finish().map(\.message) == ["unrecognized block name \"other\""])
  }

  @Test func `mistakes are collected in file order and each told once`() {
    let decoder = decoder("b = true\na = true\nunknown = 1")
    _ = decoder.optional("a", .int)
    _ = decoder.optional("b", .int)
    _ = decoder.optional("a", .int)
    decoder.error("odd", at: "a")
    decoder.warning("hm")
    #expect(
      decoder.finish().map { "\($0.range?.start.line ?? 0) \($0.message)" } == [
        "1 hm", "2 expected number, got bool", "3 expected number, got bool", "3 odd",
        "4 unrecognized attribute name \"unknown\"",
      ])
  }

  @Test func `labels are wanted or not`() {
    let decoder = decoder("a \"l\" { }\nb { }\nc \"l\" { }\nc { }\nd \"\" { }")
    _ = decoder.block("a")
    _ = decoder.block("b", label: .required)
    #expect(decoder.blocks("c", label: .optional).map(\.label) == ["l", nil])
    _ = decoder.block("d")
    #expect(
      decoder.finish().map(\.message) == [
        "block \"a\" does not support specifying labels", "block \"b\" requires non-empty label",
      ])
  }

  @Test func `blocks are equal when their values are, wherever they stand`() {
    func evaluated(_ text: String) -> EvaluatedBlock { evaluate(parse(source(text)).body.blocks[0], in: Scope()).block }
    #expect(evaluated("x \"l\" {\n\ta = 1 + 1\n}\n") == evaluated("\n\nx \"l\" {\n\n\t// c\n\ta = 2\n}\n"))
    #expect(evaluated("x {\n\ta = 1\n}\n") != evaluated("x {\n\ta = 2\n}\n"))
    #expect(evaluated("x {\n\ta { }\n}\n") != evaluated("x {\n\tb { }\n}\n"))
  }

  @Test func `a mistake found later can still point at an element`() {
    let decoder = decoder("a = [\"x\", \"y\"]")
    #expect(decoder.required("a", .list(of: .string)) == ["x", "y"])
    decoder.error("no such thing", at: "a", path: [.index(1)])
    #expect(decoder.finish().first?.range?.start.column == 11)
  }
}
