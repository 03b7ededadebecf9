// SPDX-License-Identifier: Apache-2.0

import Runtime
import Synchronization
import Syntax
import Telemetry
import Testing

/// The doors that `test.logs` blocks lead to, by label.
final class LogDoors: Sendable {
  private let doors = Mutex<[String: [LogsInlet]]>([:])

  /// The first door of `forward_to` of the block called `label`; nil until it runs.
  subscript(label: String) -> LogsInlet? { doors.withLock { $0["test.logs.\(label)"]?.first } }

  /// All of them.
  func all(_ label: String) -> [LogsInlet] { doors.withLock { $0["test.logs.\(label)"] ?? [] } }

  fileprivate func set(_ id: String, _ inlets: [LogsInlet]) { doors.withLock { $0[id] = inlets } }
}

/// `test.logs`: a source whose entries the test itself sends.
final class LogDoor: Component {
  static func kind(_ doors: LogDoors) -> ComponentKind {
    ComponentKind("test.logs") { block, context in
      let capsules = block.required("forward_to", .list(of: .capsule(kind: "LogsReceiver")))
      let receivers = capsules.compactMap { $0 as? LogsInlet }
      return LogDoor(receivers, context, doors)
    }
  }

  private let context: ComponentContext
  private let receivers: [LogsInlet]
  private let doors: LogDoors

  private init(_ receivers: [LogsInlet], _ context: ComponentContext, _ doors: LogDoors) {
    self.receivers = receivers
    self.context = context
    self.doors = doors
  }

  func run() async throws {
    doors.set(context.id, receivers)
    context.reportHealthy()
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
  }
}

/// A batch as a source called `origin` sends it: numbered lines, the number being the position.
func logBatch(
  _ lines: ClosedRange<Int>, origin: String = "test.logs.app", labels: [String: String] = ["app": "a"],
  more: Bool = true, audience: Set<String>? = nil
) -> LogBatch {
  var batch = LogBatch(origin: origin)
  batch.labelSets = [LabelSet(labels)]
  batch.moreFollows = more
  batch.audience = audience
  batch.sources = [
    LogBatch.Source(
      name: Array("s".utf8), positionPrefix: Array("at ".utf8), position: Array("at \(lines.upperBound)".utf8))
  ]
  for number in lines {
    batch.append(
      line: Array("line \(number)".utf8).span, timestampNanoseconds: 1_700_000_000_000_000_000 + Int64(number),
      labels: 0,
      source: 0, position: Array("\(number)".utf8).span)
  }
  return batch
}

extension LogsInlet {
  /// Asks as an origin that begins.
  func positions(of origin: String) async throws -> [LogDestination] {
    try await positions(of: origin, route: [], session: .random(in: 0 ... .max))
  }
}

extension LogDestination {
  /// The position of the only source, as text.
  var position: String? { positions.values.first.map { String(decoding: $0, as: UTF8.self) } }
}
