// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

/// What a file may not do, however it is written.
@Suite struct LimitsTests {
  private func errors(_ text: String) -> [String] {
    let file = source(text)
    let (body, diagnostics) = parse(file)
    _ = format(file)
    for attribute in body.attributes {
      _ = try? evaluate(attribute.value, in: Scope())
      _ = references(in: attribute.value)
      _ = ValueRanges(attribute.value)
    }
    for block in body.blocks { _ = BlockDecoder(evaluate(block, in: Scope()).block).finish() }
    return diagnostics.map(\.message)
  }

  @Test(arguments: ["[", "(", "{a = ", "-", "!", "f(", "a[", "1 ^ "])
  func `expressions nest up to a limit`(opening: String) {
    let text = "a = " + String(repeating: opening, count: 20_000)
    #expect(errors(text).first == "nested more than 100 levels deep")
  }

  @Test(arguments: [".a", "[0]", "()", " + 1", " && true"])
  func `chains are limited like nesting, so that nothing recurses further`(link: String) {
    let text = "a = b" + String(repeating: link, count: 20_000)
    #expect(errors(text) == ["nested more than 256 levels deep"])
    #expect(errors("a = b" + String(repeating: link, count: 250) + "\n") == [])
  }

  @Test func `of what is wrong in one string as much is told as of a file`() {
    let text = "a = \"\(String(repeating: "\\Z ", count: 5000))\"\n"
    #expect(parse(SourceFile(name: "main.alloy", text: text)).diagnostics.count == 100)
  }

  @Test func `blocks nest up to the limit`() {
    let text = String(repeating: "a {\n", count: 20_000)
    #expect(errors(text).first == "nested more than 100 levels deep")
    let fine = String(repeating: "a {\n", count: 100) + String(repeating: "}\n", count: 100)
    #expect(errors(fine) == [])
  }

  @Test func `brackets and chains within each other count together`() {
    let text = "a = " + String(repeating: "(b", count: 90) + String(repeating: ".c", count: 300)
    #expect(errors(text).first == "nested more than 256 levels deep")
    let arrays = "a = " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "\n"
    #expect(errors(arrays) == [])
  }

  @Test(arguments: ["encoding.from_json", "encoding.from_yaml"])
  func `documents nest up to the limit`(function: String) {
    guard case .failure(let error) = value(of: "\(function)(`\(String(repeating: "[", count: 20_000))`)") else {
      Issue.record("it was read")
      return
    }
    #expect(error.text.contains("more than 100 levels deep"))
  }

  @Test func `aliases of aliases do not fill memory`() {
    let lines = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
    let text = "a0: &a0 [x, x]\n" + lines.joined(separator: "\n")
    #expect(
      value(of: "encoding.from_yaml(`\(text)`)")
        == .failure(TestError(text: "24: the YAML has more than 200000 values")))
  }

  @Test func `a path that matches too much is refused`() {
    let array = "[[1, 1, 1, 1], [1, 1, 1, 1]]"
    let all = "[" + Array(repeating: "*", count: 500).joined(separator: ",") + "]"
    guard case .failure(let error) = value(of: "json_path(`\(array)`, `$\(all)\(all)`)") else {
      Issue.record("it was followed")
      return
    }
    #expect(error.text.hasSuffix("the path matches more than 100000 values"))
  }

  @Test func `text does not grow without bound`() {
    let doubling = (0..<20).reduce("\"0123456789abcdef\"") { text, _ in
      "string.replace(\(text), ``, `xxxxxxxxxxxxxxxx`)"
    }
    guard case .failure(let error) = value(of: doubling) else {
      Issue.record("it was made")
      return
    }
    #expect(error.text.contains("more than 16 MiB"))
    let element = String(repeating: " ", count: 999) + "1"
    #expect(value(of: "string.format(`%1000000d`, [1, 1])") == .success(.string("[\(element) \(element)]")))
  }

  @Test func `a file that is no configuration is not told about line by line`() {
    #expect(errors(String(repeating: "?\n", count: 20_000)).count <= 200)
    #expect(errors(String(repeating: ")\n", count: 20_000)).count == 100)
  }
}
