// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct ScopeTests {
  @Test func `references are traversals of names outside the standard library`() {
    let body = parse(source("a = b.c.d[e.f] + sys.env(\"x\")\ng {\n\th = [i, {j = -k.l}, f(m)]\n}\n")).body
    #expect(references(in: body).map(\.name) == ["b.c.d", "e.f", "i", "k.l", "f", "m"])
    #expect(references(in: body).first?.range.end.column == 9)
  }

  @Test func `the longest name that is known wins, and known names win over the standard library`() {
    let scope = Scope(exports: [
      "a.b": .object(["c": .object(["d": .int(1)])]), "a.b.c": .object(["d": .int(2)]), "string": .string("mine"),
    ])
    #expect(value(of: "a.b.c.d", in: scope) == .success(.int(2)))
    #expect(value(of: "string", in: scope) == .success(.string("mine")))
  }

  @Test func `near names are suggested`() {
    let names = ["scrape_interval", "scrape_timeout", "job_name", "url"]
    #expect(closestName(to: "scrap_interval", among: names) == "scrape_interval")
    #expect(closestName(to: "interval", among: names) == "scrape_interval")
    #expect(closestName(to: "ulr", among: names) == "url")
    #expect(closestName(to: "completely_else", among: names) == nil)
    #expect(closestName(to: "x", among: ["y"]) == "y" || closestName(to: "x", among: ["y"]) == nil)
    #expect(closestName(to: "", among: names) == nil)
    #expect(closestName(to: String(repeating: "a", count: 100_000), among: names) == nil)
  }
}
