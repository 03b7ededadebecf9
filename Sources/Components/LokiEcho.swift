// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Runtime
internal import Syntax
internal import Telemetry

/// `loki.echo`: writes entries into the agent's own log, to see what arrives.
final class LokiEcho: Component {
  private let context: ComponentContext

  static let kind = ComponentKind("loki.echo") { _, context in LokiEcho(context) }

  private init(_ context: ComponentContext) { self.context = context }

  var exports: [String: Value] { ["receiver": context.logsReceiverExport] }

  func run() async throws {
    context.logsInlet.open(Echo(log: context.log))
    context.reportHealthy()
    await untilCancelled()
  }
}

/// Keeps nothing, and so knows no positions.
private final class Echo: LogsReceiver {
  private let log: Log

  init(log: Log) { self.log = log }

  func receive(_ batch: LogBatch) async throws {
    for entry in batch.entries {
      log.info(
        "received log entry",
        ("entry", text(batch.bytes[entry.line])),
        ("entry_timestamp", rfc3339(nanoseconds: entry.timestampNanoseconds)),
        ("labels", batch.labelSets[Int(entry.labels)].description),
        ("structured_metadata", LabelSet(packed: Array(batch.bytes[entry.metadata])).description))
    }
  }

  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination] { [] }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    let shown = bytes.prefix(4096)
    return String(decoding: shown, as: UTF8.self) + (shown.count < bytes.count ? " … (\(bytes.count) bytes)" : "")
  }
}
