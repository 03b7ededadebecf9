// SPDX-License-Identifier: Apache-2.0

internal import Runtime
internal import Syntax
internal import Telemetry

extension ComponentContext {
  /// The export through which others send log entries to this component.
  var logsReceiverExport: Value { .capsule(Capsule(kind: LogsInlet.capsuleKind, object: logsInlet)) }
}

extension ValueType where T == [LogsInlet] {
  /// `forward_to` of components that send log entries.
  static var logsReceivers: ValueType<[LogsInlet]> {
    ValueType<[(any AnyObject & Sendable)?]>.list(of: .capsule(kind: LogsInlet.capsuleKind)).then(empty: []) {
      $0.compactMap { $0 as? LogsInlet }
    }
  }
}

/// Hands each batch to several receivers.
///
/// One that does not run at all keeps nothing from the others: what it missed is read again for it alone once it runs,
/// for it will ask for that. A slow one does hold the others back, as a full queue should.
final class LogsFanout: LogsReceiver {
  private let receivers: [LogsInlet]

  init(_ receivers: [LogsInlet]) { self.receivers = receivers }

  func receive(_ batch: LogBatch) async throws {
    if receivers.count == 1 { return try await receivers[0].receive(batch) }
    _ = try await fromThoseThatRun { try await $0.receive(batch) }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] {
    try await fromThoseThatRun { try await $0.positions(of: origin, route: route, session: session) }.flatMap { $0 }
  }

  /// What those receivers answer that run; throws what any of them throws, and when none of them runs.
  private func fromThoseThatRun<Answer: Sendable>(
    _ ask: @Sendable @escaping (LogsInlet) async throws -> Answer
  ) async throws -> [Answer] {
    let results = await withTaskGroup(of: (Int, Swift.Result<Answer, any Error>).self) { group in
      for (index, receiver) in receivers.enumerated() {
        group.addTask {
          do { return (index, .success(try await ask(receiver))) } catch { return (index, .failure(error)) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    var answers: [Answer] = []
    var absence: (any Error)?
    for result in results {
      do { answers.append(try result.get()) } catch let error as InletError { absence = error }
    }
    if answers.isEmpty, let absence { throw absence }
    return answers
  }
}
