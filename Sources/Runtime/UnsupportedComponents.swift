// SPDX-License-Identifier: Apache-2.0

/// Components Alloy has and this agent has not, so that meeting one gives a helpful answer.
enum UnsupportedComponents {
  private static let prefixes = [
    "otelcol.", "pyroscope.", "faro.", "beyla.", "mimir.", "database_observability.", "prometheus.exporter.",
    "prometheus.operator.", "prometheus.receive_http", "prometheus.write.", "prometheus.enrich", "loki.source.",
    "loki.rules.", "loki.secretfilter", "loki.enrich",
    "local.file", "remote.", "discovery.", "foreach",
  ]

  /// What stands before the first dot.
  static let families = Set(prefixes.map { prefix in String(prefix.prefix { $0 != "." }) })

  static func exists(_ name: String) -> Bool { prefixes.contains { name.hasPrefix($0) } }

  static func hint(for name: String, offered: [String]) -> String {
    let family = name.prefix { $0 != "." } + "."
    let relatives = offered.filter { $0.hasPrefix(family) }
    let names = (relatives.isEmpty ? offered : relatives).joined(separator: ", ")
    return "it has \(names); --skip-unsupported runs the rest of the file"
  }
}
