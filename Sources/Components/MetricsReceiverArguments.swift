// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Runtime
internal import Syntax
internal import Telemetry

/// What `receiver` exports of components that take samples are called.
let metricsReceiverKind = "MetricsReceiver"

extension ComponentContext {
  /// The export through which others send samples to this component.
  var receiverExport: Value { .capsule(Capsule(kind: metricsReceiverKind, object: metricsInlet)) }
}

extension ValueType where T == [MetricsInlet] {
  /// `forward_to` of components that send samples.
  static var metricsReceivers: ValueType<[MetricsInlet]> {
    ValueType<[(any AnyObject & Sendable)?]>.list(of: .capsule(kind: metricsReceiverKind)).then(empty: []) {
      $0.compactMap { $0 as? MetricsInlet }
    }
  }
}

/// Hands each batch to several receivers; one that fails or is slow does not keep it from the others.
final class Fanout: MetricsReceiver {
  private let receivers: [MetricsInlet]

  init(_ receivers: [MetricsInlet]) { self.receivers = receivers }

  func receive(_ batch: SeriesBatch) async throws {
    if receivers.count == 1 { return try await receivers[0].receive(batch) }
    let failures = await withTaskGroup(of: (any Error)?.self) { group in
      for receiver in receivers {
        group.addTask {
          do {
            try await receiver.receive(batch)
            return nil
          } catch { return error }
        }
      }
      return await group.reduce(into: [any Error]()) { if let error = $1 { $0.append(error) } }
    }
    if let first = failures.first { throw first }
  }
}
