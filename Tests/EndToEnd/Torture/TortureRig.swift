// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hub
import Linux
import TestSupport
import Testing

/// What every scenario has: an agent that comes and goes, programs that write lines, a target that counts its scrapes, a
/// hub that takes both, and the account of what arrived.
final class TortureRig {
  let seed: UInt64
  let directory: TemporaryDirectory
  let hub: EmbeddedHub
  let lines: LineLoad
  let target: ExpositionTarget
  var random: SplitMix64
  private(set) var agent: AgentProcess?

  /// Where the agent runs, and how.
  var prefix: [String] = []
  var flags: [String] = []
  var environment: [String: String] = [:]
  /// Where the agent finds the hub and the target, and the test the agent, if not on the loopback.
  var hubAddress: String
  var targetAddress: String
  var agentPort: Int?
  var scrapeInterval = "200ms"
  var endpointTimeout = "500ms"

  private let journal: JournalHost?
  private var starts = 0

  init(seed: UInt64, options: HubOptions = HubOptions(), page: String? = nil) async throws {
    self.seed = seed
    random = SplitMix64(seed: seed)
    directory = try TemporaryDirectory()
    var options = options
    options.windowBytes = 1 << 30
    hub = try await EmbeddedHub.start(on: loopbackNetwork, options: options)
    target = try await ExpositionTarget.start(page ?? (0..<20).map { "target_value{n=\"\($0)\"} \($0)\n" }.joined())
    journal =
      JournalHost.isPossible
      ? try await JournalHost(in: directory.path, settings: "SystemMaxFileSize=4M\nSystemMaxUse=512M") : nil
    lines = try LineLoad(in: directory, journal: journal, seed: seed)
    hubAddress = "127.0.0.1:\(hub.port)"
    targetAddress = target.address
  }

  var configuration: String {
    let logs = LineLoad.logs.map { "{ __path__ = \"\(directory.path($0))\" }" }.joined(separator: ", ")
    return """
      loki.source.file "logs" {
        targets    = [\(logs)]
        forward_to = [loki.write.hub.receiver]
      }
      \(journalSource)
      loki.write "hub" {
        endpoint {
          url                = "http://\(hubAddress)/loki/api/v1/push"
          batch_wait         = "20ms"
          remote_timeout     = "\(endpointTimeout)"
          min_backoff_period = "10ms"
          max_backoff_period = "200ms"
        }
      }

      prometheus.scrape "target" {
        targets         = [{ __address__ = "\(targetAddress)" }]
        forward_to      = [prometheus.remote_write.hub.receiver]
        params          = { reader = ["\(starts)"] }
        scrape_interval = "\(scrapeInterval)"
        scrape_timeout  = "\(scrapeInterval)"
      }

      prometheus.remote_write "hub" {
        endpoint {
          url            = "http://\(hubAddress)/api/v1/write"
          remote_timeout = "\(endpointTimeout)"

          queue_config {
            min_backoff = "10ms"
            max_backoff = "200ms"
          }
        }
      }

      """
  }

  private var journalSource: String {
    guard let journal else { return "" }
    return """
      loki.source.journal "host" {
        path       = "\(journal.directory)"
        labels     = { app = "journal" }
        forward_to = [loki.write.hub.receiver]
      }
      """
  }

  // MARK: The agent

  func start() throws {
    starts += 1
    agent = try AgentProcess.start(
      configuration, in: directory, flags: flags, prefix: prefix, environment: environment)
  }

  /// Starts it and waits until what was written before it first ran has arrived: a file that is set aside before it was
  /// ever looked at is nobody's.
  func begin() async throws {
    try start()
    try await agent?.waitForLine("msg=running")
    let arrived = await comesAbout(within: .seconds(60)) { hub.snapshot().lines >= lines.written }
    guard arrived else { throw ProcessError(reason: "nothing arrives, seed \(seed): \(agent?.log ?? "")") }
  }

  func kill() async {
    await agent?.killAtOnce()
    agent = nil
  }

  func stop() async {
    // Early in its life it has not begun to listen to the signal.
    let isStarting = agent?.log.contains("msg=running") == false
    agent?.signal(SIGTERM)
    let end = await agent?.process.waitForExit()
    #expect(end == 0 || (isStarting && end == -SIGTERM), "seed \(seed): \(agent?.log ?? "")")
    agent = nil
  }

  /// Expects that it did not end by itself.
  func expectRunning(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(agent?.process.hasEnded == nil, "seed \(seed): \(agent?.log ?? "")", sourceLocation: sourceLocation)
  }

  /// What it says of its queues; nil while it does not say anything.
  func accountsNow() async -> (lines: QueueAccounts, samples: QueueAccounts)? {
    guard let agent, let metrics = try? await metrics(of: agent) else { return nil }
    return (QueueAccounts(metrics, path: "/loki/api/v1/push"), QueueAccounts(metrics, path: "/api/v1/write"))
  }

  private func metrics(of agent: AgentProcess) async throws -> [String: Double] {
    guard let agentPort else { return try await agent.metrics() }
    return try await agent.metrics(port: agentPort)
  }

  /// Expects that the accounts add up at this moment, if the agent says anything.
  func expectConservation(sourceLocation: SourceLocation = #_sourceLocation) async {
    guard agent?.log.contains("msg=listening") == true, let now = await accountsNow() else { return }
    #expect(now.lines.addUp, "seed \(seed): \(now.lines)", sourceLocation: sourceLocation)
    #expect(now.samples.addUp, "seed \(seed): \(now.samples)", sourceLocation: sourceLocation)
  }

  // MARK: The end

  /// Lets everything arrive, checks what has, and prints the account.
  ///
  /// `refusals` says that the hub may refuse what comes from its future, and `drops` that samples may be dropped; both are
  /// counted, and only what was counted may be missing.
  func settle(_ kind: String, faults: Int, refusals: Bool = false, drops: Bool = false, ordered: Bool = true)
    async throws
  {
    hub.clearFaults()
    if agent == nil { try start() }
    try await agent?.waitForLine("msg=running")
    let page = target.pages
    var seen = "no accounts"
    let isDrained = await comesAbout(within: .seconds(120)) {
      guard target.pages > page, let now = await accountsNow() else { return false }
      seen = "\(now) when \(hub.snapshot().lines) of \(lines.written) lines had arrived"
      #expect(now.lines.addUp && now.samples.addUp, "seed \(seed): \(now)")
      let arrived = Double(hub.snapshot().lines)
      return now.lines.pending == 0 && now.samples.pending == 0 && now.lines.enqueued == arrived + now.lines.rejected
        && hub.snapshot().lines + Int(now.lines.rejected) >= lines.written
    }
    // journald has lines of its own, so that counting does not do.
    _ = await comesAbout(within: .seconds(30)) {
      let refused = await accountsNow()?.lines.rejected ?? 0
      return LineOracle(lines, hub).lost.count <= Int(refused)
    }
    let accounts = await accountsNow()
    let log = agent?.log ?? ""
    #expect(
      isDrained, "seed \(seed): \(seen), then \(String(describing: accounts)), \(hub.snapshot()) \(log)")
    await stop()
    let found = LineOracle(lines, hub)
    let pages = PageOracle(through: page, unfinished: target.lastPages, hub)
    let (refused, dropped) = (accounts?.lines.rejected ?? 0, accounts?.samples.dropped ?? 0)
    let samplesRefused = accounts?.samples.rejected ?? 0
    #expect(accounts?.lines.dropped == 0 && (refusals || refused == 0), "seed \(seed): \(String(describing: accounts))")
    #expect(
      (drops || dropped == 0) && (refusals || samplesRefused == 0), "seed \(seed): \(String(describing: accounts))")
    #expect(
      found.lost.count <= Int(refused),
      "seed \(seed): \(found.lost.count) lost of \(lines.generations): \(found.lost.suffix(5)) \(log)")
    #expect(
      found.duplicated.isEmpty, "seed \(seed): \(found.duplicated.count) twice: \(found.duplicated.prefix(5)) \(log)")
    #expect(
      pages.lost.count <= Int(dropped + samplesRefused), "seed \(seed): pages lost: \(pages.lost.prefix(20)) \(log)")
    #expect(pages.duplicated == 0, "seed \(seed)")
    #expect(found.disordered == 0 && (!ordered || pages.disordered == 0), "seed \(seed): \(found) \(pages)")
    let taken = hub.snapshot()
    let lost = max(0, found.lost.count - Int(refused)) + max(0, pages.lost.count - Int(dropped + samplesRefused))
    // Read by scripts/torture.
    print(
      "torture|\(kind)|\(faults)|\(taken.lines)|\(taken.samples)|\(lost)|"
        + "\(found.duplicated.count + pages.duplicated)|\(taken.duplicateLines + taken.duplicateSamples)|"
        + "\(Int(refused + samplesRefused))|\(Int(dropped))|seed \(seed)")
    await hub.stop()
    await target.stop()
  }
}
