// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct ValuesTests {
  init() throws { try Fixture.update("values", values) }

  @Test(arguments: try Fixture.all("values")) func `expressions come to what is expected`(fixture: Fixture) {
    #expect(values(fixture.input) == fixture.expected)
  }
}

/// Each line of `text` as an expression, with what it comes to or what is wrong with it.
private func values(_ text: String) -> String {
  let scope = Scope(
    exports: [
      "some.store.main": .object(["list": .array([.int(1)]), "password": .secret(Secret("hidden"))]),
      "argument.port": .object(["value": .int(9090)]), "item": .object(["name": .string("x")]),
    ],
    modulePath: "/etc/spoke",
    constants: Scope.Constants(hostname: "host", os: "linux", arch: "amd64", version: "v1.18.0"),
    environment: { $0 == "HOME" ? "/root" : nil })
  return text.split(separator: "\n").map { line in
    switch value(of: String(line), in: scope) {
    case .success(let value): "\(value.kind) \(value)\n"
    case .failure(let error): "! \(error.text)\n"
    }
  }.joined()
}
