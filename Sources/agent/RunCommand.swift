// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import HTTP
import Linux
import Runtime
import Status
import Syntax

/// `agent run`.
struct RunCommand {
  private let invocation: Invocation
  private let source: ConfigurationSource
  private let storagePath: String
  private let log = Log()
  private let manager = ServiceManager()

  /// What is still running after this long when the agent is to stop is left to the next run: it is all on disk.
  private static let stopLimit = Duration.seconds(8)

  init(_ invocation: Invocation) {
    self.invocation = invocation
    source = ConfigurationSource(path: invocation.positionals.first ?? Standard.configuration)
    storagePath = invocation.value("storage.path") ?? Standard.storage
  }

  func perform() async -> Int32 {
    logToJournal(log.sink)
    guard let format = format, format == "alloy" else {
      printError("Error: --config.format can only be \"alloy\"\n  convert the file with Alloy first")
      return 2
    }
    guard let queueBytes = queueBytes else {
      printError("Error: --storage.queue-bytes needs a size of at least 1MiB\n  for example 512MiB")
      return 2
    }
    guard let signals = catchSignals() else { return 1 }
    guard let lock = lockStorage() else { return 1 }
    defer { withExtendedLifetime(lock) {} }
    let network = Network()
    let agent = Agent(
      Agent.Options(
        configuration: source, storagePath: storagePath,
        memoryAddress: invocation.value("server.http.memory-addr") ?? Standard.memoryAddress,
        skipUnsupported: invocation.isOn("skip-unsupported"), queueBytes: queueBytes),
      network: network, log: log)
    guard let plan = await load(agent), await listen(agent, plan.settings) else { return 1 }
    await agent.controller.start(plan)
    if invocation.isOn("strict"), await !startedWell(agent) { return 1 }
    agent.server.becomeReady()
    log.info("running", ("version", agentVersion), ("config", source.path), ("storage", storagePath))
    manager?.ready()
    let report = Task { await ServiceReport(manager: manager, agent: agent).run() }
    let later = Task {
      try await Task.sleep(for: .seconds(10))
      releaseStartMemory()
    }
    await serve(signals, agent)
    later.cancel()
    report.cancel()
    manager?.stopping()
    await stop(agent)
    return 0
  }

  private var format: String? { invocation.value("config.format") ?? "alloy" }

  private var queueBytes: Int64? {
    guard let size = parseByteSize(invocation.value("storage.queue-bytes") ?? ""), size >= 1 << 20 else { return nil }
    return Int64(size)
  }

  // MARK: Start

  private func lockStorage() -> LockFile? {
    do throws(SystemError) {
      try makeDirectory(storagePath)
      if let lock = try LockFile.take("\(storagePath)/lock") { return lock }
      printError(
        "Error: another agent is using the state directory \(storagePath)\n"
          + "  stop that one, or give this one a directory of its own with --storage.path")
    } catch {
      printError(
        "Error: cannot use the state directory \(storagePath): \(error)\n"
          + "  give another one with --storage.path, or let this user write there")
    }
    return nil
  }

  private func load(_ agent: Agent) async -> Plan? {
    do throws(ConfigurationError) {
      let plan = try await agent.controller.load()
      report(plan)
      return plan
    } catch {
      printError("\(error)\nError: could not perform the initial load successfully")
      return nil
    }
  }

  private func listen(_ agent: Agent, _ settings: Settings) async -> Bool {
    let address = invocation.value("server.http.listen-addr") ?? Standard.listenAddress
    guard let (host, port) = splitAddress(address) else {
      printError(
        "Error: --server.http.listen-addr=\(address) is not HOST:PORT\n  for example \(Standard.listenAddress)")
      return false
    }
    do throws(ListenError) {
      try await agent.server.start(host: host, port: port, settings: settings, on: agent.network)
      log.info("listening", ("address", "\(host):\(agent.server.port)"))
      return true
    } catch {
      let remedy = settings.httpTLS == nil ? "" : "; the certificate stands in the tls block of the http block"
      printError("Error: \(error)\n  the address is chosen with --server.http.listen-addr\(remedy)")
      return false
    }
  }

  private func report(_ plan: Plan) {
    guard !plan.warnings.isEmpty else { return }
    printError(render(plan.warnings, sources: plan.sources))
  }

  /// Waits until every component has said how it is; false when one says that it cannot.
  private func startedWell(_ agent: Agent) async -> Bool {
    for _ in 0..<100 {
      let statuses = await agent.controller.statuses
      for status in statuses {
        guard case .unhealthy(let reason) = status.health else { continue }
        printError("Error: \(status.id): \(reason)\n  without --strict the rest would run")
        await agent.controller.stop()
        return false
      }
      if statuses.allSatisfy({ $0.health != .unknown }) { return true }
      try? await Task.sleep(for: .milliseconds(100))
    }
    return true
  }

  // MARK: Run

  private func serve(_ signals: AsyncStream<Int32>, _ agent: Agent) async {
    for await signal in signals {
      guard signal == hangUpSignal else {
        log.info("stopping", ("signal", signal == terminateSignal ? "SIGTERM" : "SIGINT"))
        break
      }
      // Not waited for: a reload that stops a sender takes seconds, and SIGTERM must be heard meanwhile.
      Task { await reload(agent) }
    }
  }

  private func reload(_ agent: Agent) async {
    manager?.reloading()
    defer { manager?.ready() }
    do throws(ConfigurationError) {
      let plan = try await agent.controller.reload()
      report(plan)
      log.info("reloaded", ("config", source.path))
    } catch {
      if case .stopping = error { return }  // SIGTERM came right after SIGHUP
      printError("\(error)")
      log.error("the new configuration has mistakes; the one that was running goes on", ("config", source.path))
    }
  }

  private func stop(_ agent: Agent) async {
    let stopping = Task {
      await agent.controller.stop()
      await agent.server.stop()
    }
    let limit = Task { [log] in
      try await Task.sleep(for: Self.stopLimit)
      log.warn("stopped before everything was closed; nothing is lost, the queue is on disk")
      exit(0)
    }
    await stopping.value
    limit.cancel()
    log.info("stopped")
  }
}

/// The signals that mean something to a running agent; nil when they cannot be had, which was told.
func catchSignals() -> AsyncStream<Int32>? {
  do throws(SystemError) {
    return try signals([terminateSignal, interruptSignal, hangUpSignal])
  } catch {
    printError("Error: \(error)")
    return nil
  }
}

/// `host:port`, where an IPv6 host is in brackets.
func splitAddress(_ address: String) -> (host: String, port: Int)? {
  guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
    (0...65_535).contains(port)
  else { return nil }
  var host = address[..<colon]
  if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
  return (String(host), port)
}
