// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct SecretTests {
  @Test func `a secret prints as nothing but that`() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(Value.array([.secret(secret)]), to: &dumped)
    let shown = [
      "\(secret)", String(describing: secret), String(reflecting: secret), "\(Value.secret(secret))", dumped,
    ]
    #expect(shown.allSatisfy { $0.contains("(secret)") && !$0.contains("hunter2") })
  }

  @Test func `no diagnostic shows a secret`() {
    let scope = Scope(exports: ["s.x": .object(["p": .secret(Secret("hunter2"))])])
    for text in ["s.x.p + 1", "s.x.p * 2", "-s.x.p", "s.x.p[0]", "s.x.p.q", "s.x.p()", "[1][s.x.p]", "s.x.p < 1"] {
      guard case .failure(let error) = value(of: text, in: scope) else {
        Issue.record("\(text) has a value")
        continue
      }
      #expect(!error.text.contains("hunter2"))
    }
  }
}
