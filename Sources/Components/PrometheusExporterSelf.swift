// SPDX-License-Identifier: Apache-2.0

internal import Runtime
internal import Syntax
internal import Telemetry

/// `prometheus.exporter.self`: the agent's own metrics, the same that `/metrics` shows.
final class PrometheusExporterSelf: Component {
  private let exporter: LocalExporter

  private init(_ exporter: LocalExporter) { self.exporter = exporter }

  static func kind(_ services: Services) -> ComponentKind {
    ComponentKind("prometheus.exporter.self") { _, context in
      PrometheusExporterSelf(
        LocalExporter(
          services: services, context: context, name: "prometheus.exporter.self", job: "integrations/self",
          makeSource: { services.selfMetrics }))
    }
  }

  var exports: [String: Value] { exporter.exports }

  func run() async throws { await exporter.run() }
}
