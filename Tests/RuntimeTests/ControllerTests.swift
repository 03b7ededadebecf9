// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Runtime
import Syntax
import Telemetry
import TestSupport
import Testing

/// Starting, reloading and stopping.
@Suite struct ControllerTests {
  private let three = """
    test.part "c" { value = test.part.b.value }
    test.part "a" { value = 1 }
    test.part "b" { value = test.part.a.value }
    """

  @Test func `components stop in the reverse of the order in which they depend on each other`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    #expect(await bench.controller.statuses.map(\.id) == ["test.part.a", "test.part.b", "test.part.c"])
    #expect(await bench.status("test.part.c")?.references == ["test.part.b"])
    _ = bench.journal.take()
    await bench.controller.stop()
    #expect(bench.journal.take() == ["stop test.part.c#1", "stop test.part.b#1", "stop test.part.a#1"])
    #expect(await bench.controller.statuses.allSatisfy { $0.health == .exited })
  }

  @Test func `an invalid configuration starts nothing`() async throws {
    let bench = try Bench(three + "\ntest.part \"d\" { wrong = true }\n")
    await #expect(throws: ConfigurationError.self) { try await bench.controller.start() }
    #expect(bench.journal.lines == [])
    #expect(await bench.controller.statuses.isEmpty)
    #expect(await bench.metric("alloy_config_last_load_successful") == 0)
    await bench.controller.stop()
  }

  @Test func `warnings are handed back and stop nothing`() async throws {
    let bench = try Bench("test.part \"a\" { odd = true }\n")
    let plan = try await bench.controller.start()
    #expect(plan.warnings.map(\.message) == ["odd is odd"])
    #expect(plan.componentCount == 1)
    await bench.controller.stop()
  }

  // MARK: Reload

  @Test func `a reload leaves alone what did not change, even when it moved in the file`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    try await bench.reload(
      """
      // a comment
      test.part "a" {
        value = 2 - 1
      }
      test.part "c" { value = test.part.b.value }
      test.part "b" { value = test.part.a.value }
      """)
    await bench.settled()
    #expect(bench.journal.take().sorted() == ["start test.part.a#1", "start test.part.b#1", "start test.part.c#1"])
    #expect(await bench.metric("alloy_config_last_load_successful") == 1)
    await bench.controller.stop()
  }

  @Test func `a reload after the stop is no mistake of the configuration`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    await bench.controller.stop()
    await #expect {
      try await bench.controller.reload()
    } throws: {
      if case ConfigurationError.stopping = $0 { true } else { false }
    }
    #expect(await bench.metric("alloy_config_last_load_successful") == 1)
  }

  @Test func `a reload replaces what changed, stops what is gone and starts what is new`() async throws {
    let bench = try Bench(
      """
      test.part "kept" { }
      test.part "gone" { }
      test.part "changed" { value = 1 }
      test.part "user" { forward_to = [test.part.changed.receiver] }
      test.part "reader" { value = test.part.changed.value }
      """)
    try await bench.start()
    _ = bench.journal.take()
    try await bench.reload(
      """
      test.part "kept" { }
      test.part "changed" { value = 2 }
      test.part "new" { }
      test.part "user" { forward_to = [test.part.changed.receiver] }
      test.part "reader" { value = test.part.changed.value }
      """)
    await bench.settled()
    let lines = bench.journal.take()
    // Whoever holds the receiver of a replaced component is not touched; whoever read a value that changed is replaced.
    #expect(
      lines.filter { $0.hasPrefix("stop") }
        == ["stop test.part.reader#1", "stop test.part.changed#1", "stop test.part.gone#1"])
    #expect(
      lines.filter { $0.hasPrefix("start") }.sorted()
        == ["start test.part.changed#2", "start test.part.new#1", "start test.part.reader#2"])
    #expect(bench.journal.value("test.part.reader") == .int(2))
    await bench.controller.stop()
  }

  @Test func `a component that takes new arguments goes on`() async throws {
    let bench = try Bench("test.part \"a\" {\n  value = 1\n  updates = true\n}\n")
    try await bench.start()
    try await bench.reload("test.part \"a\" {\n  value = 2\n  updates = true\n}\n")
    #expect(bench.journal.take() == ["start test.part.a#1", "update test.part.a#1"])
    #expect(bench.journal.value("test.part.a") == .int(2))
    // It is known to have the new ones now.
    try await bench.controller.reload()
    #expect(bench.journal.take() == [])
    await bench.controller.stop()
    #expect(bench.journal.take() == ["stop test.part.a#1"])
  }

  @Test func `another kind under the same label is another component`() async throws {
    let bench = try Bench("test.part \"a\" { updates = true }\n")
    try await bench.start()
    try await bench.reload("test.other \"a\" { updates = true }\n")
    await bench.settled()
    #expect(bench.journal.take() == ["start test.part.a#1", "stop test.part.a#1", "start test.other.a#1"])
    await bench.controller.stop()
  }

  @Test(
    arguments: [
      "test.part \"a\" { value = 2 }\ntest.part \"b\" { wrong = true }\n",
      "test.part \"a\" { value = 2 }\ntest.part \"b\" { value = test.part.z.value }\n",
      "test.part \"a\" { value = 2 }\ntest.part \"b\" {\n", "test.part \"a\" { value = 1 + true }\n",
    ])
  func `a reload with mistakes touches nothing`(text: String) async throws {
    let bench = try Bench("test.part \"a\" { value = 1 }\ntest.part \"b\" { value = 1 }\n")
    try await bench.start()
    let before = await bench.controller.statuses.map(\.since)
    await #expect(throws: ConfigurationError.self) { try await bench.reload(text) }
    #expect(bench.journal.take().sorted() == ["start test.part.a#1", "start test.part.b#1"])
    #expect(await bench.controller.statuses.map(\.health) == [.healthy, .healthy])
    #expect(await bench.controller.statuses.map(\.since) == before)
    #expect(await bench.metric("alloy_config_last_load_successful") == 0)
    #expect(await bench.metric("alloy_config_load_failures_total") == 1)
    await bench.controller.stop()
  }

  @Test func `a component that was made for a refused reload is not heard`() async throws {
    let bench = try Bench(
      """
      test.part "a" { value = "old" }
      test.part "reader" { value = test.part.a.value }
      """)
    try await bench.start()
    await #expect(throws: ConfigurationError.self) {
      try await bench.reload(
        """
        test.part "a" { early = true }
        test.part "reader" {
          value = test.part.a.value
          wrong = true
        }
        """)
    }
    #expect(await bench.health("test.part.a") == .healthy)
    try await bench.reload("test.part \"a\" { value = \"old\" }\ntest.part \"reader\" { value = test.part.a.value }\n")
    #expect(bench.journal.take().filter { $0.contains("reader") } == ["start test.part.reader#1"])
    await bench.controller.stop()
  }

  @Test func `reloads that are asked for together all happen, and stopping comes last`() async throws {
    let bench = try Bench(three)
    try await bench.start()
    await withTaskGroup { group in
      for number in 0..<20 {
        group.addTask { [path = bench.path, controller = bench.controller] in
          try? replaceFileContents(path, "test.part \"a\" { value = \(number) }\n", number)
          _ = try? await controller.reload()
        }
      }
    }
    await bench.settled()
    let lines = bench.journal.lines
    let starts = lines.count { $0.hasPrefix("start test.part.a#") }
    let stops = lines.count { $0.hasPrefix("stop test.part.a#") }
    #expect(starts == stops + 1)
    #expect(await bench.controller.statuses.map(\.id) == ["test.part.a"])
    let controller = bench.controller
    async let stopped: Void = controller.stop()
    async let reloaded = try? controller.reload()
    _ = await (stopped, reloaded)
    #expect(await bench.controller.statuses.allSatisfy { $0.health == .exited })
  }

  @Test func `after the end nothing starts again`() async throws {
    let bench = try Bench("test.part \"a\" { }\ntest.part \"b\" { value = test.part.a.value }\n")
    try await bench.start()
    await bench.controller.stop()
    _ = bench.journal.take()
    await #expect(throws: ConfigurationError.self) { try await bench.reload("test.part \"c\" { }\n") }
    bench.journal.publish("test.part.a", ["value": .int(7)])
    await bench.controller.stop()
    #expect(bench.journal.take() == [])
  }

  @Test func `stopping while it starts leaves nothing running`() async throws {
    let bench = try Bench(three)
    let controller = bench.controller
    async let start: Plan? = try? controller.start()
    await controller.stop()
    _ = await start
    await bench.controller.stop()
    let lines = bench.journal.lines
    #expect(lines.count { $0.hasPrefix("start") } == lines.count { $0.hasPrefix("stop") })
  }

  // MARK: Exports that change

  @Test func `what depends on exports that change is evaluated again, and nothing else`() async throws {
    let bench = try Bench(
      """
      declare "box" {
        argument "in" { }
        export "out" { value = argument.in.value }
      }
      test.part "a" { value = 1 }
      test.part "b" { value = test.part.a.value }
      box "x" { in = test.part.b.value }
      test.part "c" { value = box.x.out }
      test.part "d" {
        value   = test.part.a.value
        updates = true
      }
      test.part "e" { value = 5 }
      test.part "f" { forward_to = [test.part.b.receiver] }
      """)
    try await bench.start()
    _ = bench.journal.take()
    bench.journal.publish("test.part.a", ["value": .int(2)])
    await eventually("the value arrives") { bench.journal.value("test.part.c") == .int(2) }
    await eventually("and everywhere") { bench.journal.value("test.part.d") == .int(2) }
    #expect(
      bench.journal.take().sorted() == [
        "start test.part.b#2", "start test.part.c#2", "stop test.part.b#1", "stop test.part.c#1",
        "update test.part.d#1",
      ])
    await bench.controller.stop()
  }

  @Test func `publishing the same again changes nothing, and what was published outlives the component`() async throws {
    let bench = try Bench("test.part \"a\" { value = 1 }\ntest.part \"b\" { value = test.part.a.value }\n")
    try await bench.start()
    bench.journal.publish("test.part.a", ["value": .int(2)])
    await eventually("the value arrives") { bench.journal.value("test.part.b") == .int(2) }
    _ = bench.journal.take()
    bench.journal.publish("test.part.a", ["value": .int(2)])
    try await bench.reload(
      "test.part \"a\" {\n  value = 1\n  more = 1\n}\ntest.part \"b\" { value = test.part.a.value }\n")
    await bench.settled()
    #expect(bench.journal.take() == ["stop test.part.a#1", "start test.part.a#2"])
    #expect(bench.journal.value("test.part.b") == .int(2))
    await bench.controller.stop()
  }

  @Test func `arguments that cannot be evaluated any more leave the component as it was, and say so`() async throws {
    let bench = try Bench("test.part \"a\" { value = 1 }\ntest.part \"b\" { value = test.part.a.value + 1 }\n")
    try await bench.start()
    bench.journal.publish("test.part.a", ["value": .bool(true)])
    await eventually("it is told") {
      if case .unhealthy(let reason) = await bench.health("test.part.b") {
        reason.hasPrefix("its arguments cannot be evaluated any more: ")
      } else {
        false
      }
    }
    #expect(bench.journal.count("stop test.part.b#1") == 0)
    bench.journal.publish("test.part.a", ["value": .int(1)])
    await eventually("it is well again") { await bench.health("test.part.b") == .healthy }
    #expect(bench.journal.count("stop test.part.b#1") == 0)
    await bench.controller.stop()
  }

  @Test func `many changes in a row end with the last`() async throws {
    let bench = try Bench(
      "test.part \"a\" { value = 0 }\ntest.part \"b\" {\n  value = test.part.a.value\n  updates = true\n}\n")
    try await bench.start()
    for number in 1...500 { bench.journal.publish("test.part.a", ["value": .int(Int64(number))]) }
    await eventually("the last arrives") { bench.journal.value("test.part.b") == .int(500) }
    #expect(bench.journal.lines.count < 500)
    await bench.controller.stop()
  }

  // MARK: Failing components

  @Test func `a failing component is unhealthy with the reason, tried again, and alone in it`() async throws {
    let bench = try Bench("test.part \"a\" { }\ntest.part \"b\" { forward_to = [test.part.a.receiver] }\n")
    bench.journal.setBroken("test.part.a", true)
    let begun = wallClockNanoseconds()
    try await bench.start()
    let status = try #require(await bench.status("test.part.a"))
    #expect(status.health == .unhealthy("test.part.a is broken"))
    #expect(status.since >= begun)
    #expect(await bench.health("test.part.b") == .healthy)
    #expect(
      await bench.metric("alloy_component_controller_running_components", ["health_type": "unhealthy"]) == 1)
    bench.journal.setBroken("test.part.a", false)
    await eventually("it works") { await bench.health("test.part.a") == .healthy }
    #expect(bench.journal.count("start test.part.a#1") == 2)
    await bench.controller.stop()
  }

  @Test func `a component that returns has exited, and refuses what it is sent`() async throws {
    let bench = try Bench("test.part \"a\" { ends = true }\ntest.part \"b\" { value = test.part.a.receiver }\n")
    try await bench.start()
    await eventually("it has exited") { await bench.health("test.part.a") == .exited }
    let inlet = try bench.inlet("test.part.b")
    #expect(await refusal { try await inlet.receive(batch(1)) } == "test.part.a takes nothing: it has ended")
    await bench.controller.stop()
  }

  // MARK: Metrics

  @Test func `the metrics of a component carry its id and the path of its modules`() async throws {
    let bench = try Bench(
      """
      declare "box" { test.part "inner" { } }
      box "x" { }
      test.part "inner" { }
      """)
    try await bench.start()
    #expect(
      await bench.metric("part_number", ["component_path": "/", "component_id": "test.part.inner"]) == 1)
    #expect(
      await bench.metric("part_number", ["component_path": "/box.x", "component_id": "test.part.inner"]) == 1)
    await bench.controller.stop()
  }
}

/// Replaces the file as a whole, by a temporary file of the caller's own.
private func replaceFileContents(_ path: String, _ text: String, _ number: Int) throws {
  try replaceFile(path + "\(number)", with: Array(text.utf8).span)
  guard rename(path + "\(number)", path) == 0 else { throw TestFailure("rename") }
}
