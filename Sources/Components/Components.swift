// SPDX-License-Identifier: Apache-2.0

// Components: one file for each component a configuration can name. Each file reads its arguments, a line per
// attribute, and puts together the machinery of the floors below; none of it is decided here.

public import Runtime

/// The components of this agent.
public enum Components {
  /// Every component, in the order users see them.
  public static func all(_ services: Services) -> [ComponentKind] {
    [
      PrometheusExporterUnix.kind(services),
      PrometheusExporterSelf.kind(services),
      PrometheusScrape.kind(services),
      PrometheusRelabel.kind,
      PrometheusRemoteWrite.kind(services),
      LokiSourceJournal.kind,
      LocalFileMatch.kind,
      LokiSourceFile.kind,
      LokiProcess.kind,
      LokiRelabel.kind,
      LokiEcho.kind,
      LokiWrite.kind(services),
      DiscoveryRelabel.kind,
    ]
  }
}
