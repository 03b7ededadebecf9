// SPDX-License-Identifier: Apache-2.0

import Runtime
import Synchronization
import Syntax
import Telemetry
import TestSupport
import Testing

/// The door between components.
@Suite struct MetricsInletTests {
  private let configuration = """
    test.part "sink" { }
    test.part "source" { value = test.part.sink.receiver }
    """

  @Test func `batches reach the component`() async throws {
    let bench = try Bench(configuration)
    try await bench.start()
    try await bench.inlet("test.part.source").receive(batch(3))
    #expect(bench.journal.received("test.part.sink") == [3])
    await bench.controller.stop()
  }

  @Test func `a batch waits while the component is replaced, and goes to the one after it`() async throws {
    let bench = try Bench(configuration)
    try await bench.start()
    let inlet = try bench.inlet("test.part.source")
    inlet.close()
    let sending = Task { try await inlet.receive(batch(3)) }
    try await Task.sleep(for: .milliseconds(20))
    #expect(bench.journal.received("test.part.sink") == [])
    try await bench.reload(configuration.replacing("sink\" { }", with: "sink\" { value = 1 }"))
    try await sending.value
    #expect(bench.journal.received("test.part.sink") == [3])
    #expect(bench.journal.count("stop test.part.source#1") == 0)
    await bench.controller.stop()
  }

  @Test func `batches for a component that failed are refused with the reason, also those that waited`() async throws {
    let bench = try Bench(configuration)
    bench.journal.setBroken("test.part.sink", true)
    try await bench.start()
    let inlet = try bench.inlet("test.part.source")
    let refused = await refusal { try await inlet.receive(batch(1)) }
    #expect(refused == "test.part.sink takes nothing: test.part.sink is broken")
    bench.journal.setBroken("test.part.sink", false)
    await eventually("it works again") { await bench.health("test.part.sink") == .healthy }
    try await inlet.receive(batch(2))
    #expect(bench.journal.received("test.part.sink") == [2])

    inlet.close()
    let waiting = Task { try await inlet.receive(batch(1)) }
    try await Task.sleep(for: .milliseconds(20))
    inlet.fail("gone")
    #expect(await refusal { try await waiting.value } == "test.part.sink takes nothing: gone")
    await bench.controller.stop()
  }

  @Test func `who waits can be cancelled, before and after it began to wait`() async throws {
    let bench = try Bench(configuration.replacing("sink\" { }", with: "sink\" { deaf = true }"))
    try await bench.start()
    let inlet = try bench.inlet("test.part.source")
    for pause in [0, 20] {
      let waiting = Task { try await inlet.receive(batch(1)) }
      try await Task.sleep(for: .milliseconds(pause))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
    }
    await bench.controller.stop()
  }

  @Test func `a batch the old component could not take any more goes to the new one`() async throws {
    let bench = try Bench(configuration)
    try await bench.start()
    let inlet = try bench.inlet("test.part.source")
    let closing = ClosingReceiver()
    inlet.open(closing)
    let sending = Task { try await inlet.receive(batch(4)) }
    await closing.entered()
    inlet.close()
    closing.release()
    let sink = CountingReceiver()
    inlet.open(sink)
    try await sending.value
    #expect(sink.count == 4)

    // Without such a change the sender is told.
    let failing = ClosingReceiver()
    failing.release()
    inlet.open(failing)
    await #expect(throws: TestFailure.self) { try await inlet.receive(batch(1)) }
    await bench.controller.stop()
  }
}

/// Fails once it is released.
private final class ClosingReceiver: MetricsReceiver {
  private let state = Mutex((entered: false, released: false))

  func receive(_ batch: SeriesBatch) async throws {
    state.withLock { $0.entered = true }
    while !state.withLock({ $0.released }) { try await Task.sleep(for: .milliseconds(1)) }
    throw TestFailure("closed")
  }

  func entered() async { while !state.withLock({ $0.entered }) { try? await Task.sleep(for: .milliseconds(1)) } }

  func release() { state.withLock { $0.released = true } }
}

private final class CountingReceiver: MetricsReceiver {
  private let received = Mutex(0)
  var count: Int { received.withLock { $0 } }
  func receive(_ batch: SeriesBatch) async throws { received.withLock { $0 += batch.count } }
}
