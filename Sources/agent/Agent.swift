// SPDX-License-Identifier: Apache-2.0

import Components
import HTTP
import Linux
import Runtime
import Status

/// The parts of a running agent, put together.
struct Agent {
  let network: Network
  let controller: Controller
  let server: StatusServer
  let log: Log

  /// How to put it together.
  struct Options {
    var configuration: ConfigurationSource
    var storagePath: String
    var memoryAddress = Standard.memoryAddress
    var skipUnsupported = false
    var scrapeAtOnce = false
    var queueBytes: Int64 = 512 << 20
  }

  init(_ options: Options, network: Network, log: Log) {
    self.network = network
    self.log = log
    let metrics = SelfMetrics(version: agentVersion)
    let kinds = Components.all(
      Services(
        network: network, version: agentVersion, localTargets: LocalTargets(address: options.memoryAddress),
        selfMetrics: metrics, scrapeAtOnce: options.scrapeAtOnce, queueBytes: options.queueBytes))
    let applied = AppliedSettings(log: log)
    controller = Controller(
      options.configuration, kinds: kinds,
      options: .init(storagePath: options.storagePath, skipUnsupported: options.skipUnsupported), log: log,
      applySettings: { applied.apply($0) })
    metrics.report(on: controller)
    server = StatusServer(controller: controller, metrics: metrics)
    applied.forward(to: server)
  }

  /// The components, for checks that run none of them.
  static func kinds(on network: Network) -> [ComponentKind] {
    Components.all(
      Services(
        network: network, version: agentVersion, localTargets: LocalTargets(),
        selfMetrics: SelfMetrics(version: agentVersion)))
  }
}

/// Puts the settings of each configuration to work.
private final class AppliedSettings: Sendable {
  private let log: Log
  private let server = Box<StatusServer>()
  private let last = Box<Settings>()
  private let ownLines = OwnLines()

  init(log: Log) { self.log = log }

  func forward(to server: StatusServer) { self.server.set(server) }

  func apply(_ settings: Settings) {
    log.sink.configure(level: settings.logLevel, format: settings.logFormat)
    ownLines.send(from: log.sink, to: settings.logReceivers)
    server.value?.apply(settings)
    if let last = last.value, last.httpTLS != settings.httpTLS {
      log.warn("the tls block of the http block has changed; a restart puts it to use")
    }
    last.set(settings)
  }
}
