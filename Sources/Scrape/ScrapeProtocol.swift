// SPDX-License-Identifier: Apache-2.0

/// A format a target can be asked for; the raw values are those of `scrape_protocols`.
///
/// `PrometheusProto` is missing on purpose: the agent has no native histograms, and without them it has no use for it.
public enum ScrapeProtocol: String, Sendable, CaseIterable {
  /// OpenMetrics 1.0.0.
  case openMetricsText1_0_0 = "OpenMetricsText1.0.0"
  /// OpenMetrics 0.0.1.
  case openMetricsText0_0_1 = "OpenMetricsText0.0.1"
  /// Prometheus text with quoted names.
  case prometheusText1_0_0 = "PrometheusText1.0.0"
  /// Prometheus text.
  case prometheusText0_0_4 = "PrometheusText0.0.4"

  /// How pages of this protocol are read.
  public var format: ExpositionFormat {
    switch self {
    case .openMetricsText1_0_0, .openMetricsText0_0_1: .openMetrics
    case .prometheusText1_0_0, .prometheusText0_0_4: .prometheusText
    }
  }

  private func mediaRange(_ escaping: NameEscaping) -> String {
    switch self {
    case .openMetricsText1_0_0: "application/openmetrics-text;version=1.0.0;escaping=\(escaping.rawValue)"
    case .openMetricsText0_0_1: "application/openmetrics-text;version=0.0.1"
    case .prometheusText1_0_0: "text/plain;version=1.0.0;escaping=\(escaping.rawValue)"
    case .prometheusText0_0_4: "text/plain;version=0.0.4"
    }
  }

  /// The `Accept` header that asks for `protocols`, the first the most, and takes anything else if it must.
  public static func acceptHeader(_ protocols: [ScrapeProtocol], escaping: NameEscaping) -> String {
    // From 0.6 down, as Prometheus counts (it knows one protocol more); never to zero, which would mean "not this".
    var ranges: [String] = []
    for (index, wanted) in protocols.prefix(5).enumerated() {
      ranges.append("\(wanted.mediaRange(escaping));q=0.\(6 - index)")
    }
    ranges.append("*/*;q=0.\(max(1, 6 - ranges.count))")
    return ranges.joined(separator: ",")
  }
}

/// The two languages pages are written in.
public enum ExpositionFormat: Sendable {
  /// Timestamps in milliseconds; ends where it ends.
  case prometheusText
  /// Timestamps in seconds; exemplars; ends with `# EOF`.
  case openMetrics

  /// The format of a page served as `contentType`.
  ///
  /// - Throws: a `ScrapeError` where the type is of no use and there is no `fallback`.
  public init(contentType: String?, fallback: ScrapeProtocol?) throws(ScrapeError) {
    let essence = (contentType ?? "").prefix { $0 != ";" }
      .split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ").lowercased()
    switch essence {
    case "application/openmetrics-text": self = .openMetrics
    case "text/plain": self = .prometheusText
    case "application/vnd.google.protobuf":
      throw ScrapeError("the target answered in protobuf, which is not supported; it was asked for text")
    default:
      guard let fallback else {
        throw ScrapeError(
          essence.isEmpty
            ? "the target sent no Content-Type and no scrape_fallback_protocol is set"
            : "the target sent an unsupported Content-Type \"\(essence.prefix(100))\" and no scrape_fallback_protocol is set"
        )
      }
      self = fallback.format
    }
  }
}
