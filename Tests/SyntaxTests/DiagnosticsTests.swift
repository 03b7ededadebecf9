// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct DiagnosticsTests {
  init() throws { try Fixture.update("diagnostics", diagnose) }

  @Test(arguments: try Fixture.all("diagnostics")) func `what is wrong with a file is shown as expected`(
    fixture: Fixture
  ) {
    #expect(diagnose(fixture.input) == fixture.expected)
  }
}

/// Everything wrong with `text`: its syntax and, when that is right, its `thing` blocks.
func diagnose(_ text: String) -> String {
  let file = source(text)
  let (body, diagnostics) = parse(file)
  let found = diagnostics.isEmpty ? body.blocks.flatMap { decodeThing($0) } : diagnostics
  return render(found, sources: [file])
}

/// A component with an attribute of each type.
private func decodeThing(_ block: Block) -> [Diagnostic] {
  let exports: [String: Value] = [
    "some.store.main": .object([
      "receiver": .capsule(Capsule(kind: "MetricsReceiver", object: Thing())), "password": .secret(Secret("hidden")),
    ])
  ]
  let (evaluated, diagnostics) = evaluate(block, in: Scope(exports: exports))
  let decoder = BlockDecoder(evaluated)
  _ = decoder.optional("text", .string)
  _ = decoder.optional("count", .int)
  _ = decoder.optional("flag", .bool)
  _ = decoder.optional("wait", .duration)
  _ = decoder.optional("size", .byteSize)
  _ = decoder.optional("key", .secret)
  _ = decoder.optional("labels", .map(of: .string))
  _ = decoder.optional("names", .list(of: .string))
  _ = decoder.optional("targets", .targets)
  _ = decoder.optional("forward_to", .list(of: .capsule(kind: "MetricsReceiver")))
  _ = decoder.optional("mode", .oneOf(["fast", "slow"]))
  if block.label == "strict" {
    _ = decoder.required("url", .string)
    _ = decoder.requiredBlock("endpoint")
  }
  for endpoint in decoder.blocks("endpoint", label: .optional) { _ = endpoint.optional("url", .string) }
  if let limits = decoder.block("limits") { _ = limits.optional("rate", .double) }
  for stage in decoder.orderedBlocks(matching: "stage.") where stage.name != "stage.keep" {
    stage.unrecognized(among: ["stage.keep", "stage.drop"])
  }
  return diagnostics + decoder.finish()
}

private final class Thing: Sendable {}
