// SPDX-License-Identifier: Apache-2.0

public import HTTP
public import Telemetry
internal import Synchronization
internal import Wire

/// Tells the hub now and then what its metrics mean, beside the queue: worth having, not worth keeping.
///
/// Remote write 1.0 sends metadata in requests of its own. They go out only while the endpoint takes samples, and what
/// fails is simply part of the next round.
public final class MetadataSender: Sendable {
  /// When and how much.
  public struct Options: Sendable, Equatable {
    /// The time between two rounds.
    public var sendInterval: Duration = .seconds(60)
    /// The most families in one request.
    public var maxSamplesPerSend = 2000
    /// The most families known; others are not sent.
    public var maxFamilies = 10_000
    /// The most bytes of an explanation; the rest is cut off.
    public var maxHelpBytes = 1024

    /// Alloy's defaults.
    public init() {}
  }

  private struct Families {
    var byName: [String: MetricFamily] = [:]
    var known: Set<Int> = []  // hashes of families as they came, so that those seen before cost no String
  }

  private let endpoint: Endpoint
  private let client: HTTPClient
  private let sender: Sender
  private let options: Options
  private let families = Mutex(Families())

  /// Metadata for `endpoint`, sent while `sender` finds it working.
  public init(endpoint: Endpoint, client: HTTPClient, sender: Sender, options: Options = Options()) {
    self.endpoint = endpoint
    self.client = client
    self.sender = sender
    self.options = options
  }

  /// The number of families known.
  public var familyCount: Int { families.withLock { $0.byName.count } }

  /// Remembers the families of `batch`.
  public func note(_ batch: SeriesBatch) {
    families.withLock { families in
      for (index, row) in batch.families.enumerated() {
        var hasher = Hasher()
        hasher.combine(row.type)
        for range in [row.name, row.help, row.unit] { hasher.combine(batch.texts[range]) }
        let hash = hasher.finalize()
        guard !families.known.contains(hash) else { continue }
        if families.known.count >= 2 * options.maxFamilies { families.known.removeAll() }
        families.known.insert(hash)
        remember(batch.familyDescription(at: index), in: &families)
      }
    }
  }

  private func remember(_ family: MetricFamily, in families: inout Families) {
    // A page without HELP and TYPE says nothing that could be passed on.
    guard family.type != .unknown || !family.help.isEmpty else { return }
    guard families.byName[family.name] != nil || families.byName.count < options.maxFamilies else { return }
    var family = family
    if family.help.utf8.count > options.maxHelpBytes {
      family.help = String(decoding: family.help.utf8.prefix(options.maxHelpBytes), as: UTF8.self)
    }
    families.byName[family.name] = family
  }

  /// Sends a round after each interval until the task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: options.sendInterval)
      if await sender.statistics.state == .up { await sendRound() }
    }
  }

  /// Sends all that is known; stops at the first request that fails.
  func sendRound() async {
    var rest = families.withLock { $0.byName.values.sorted { $0.name < $1.name } }[...]
    while !rest.isEmpty, !Task.isCancelled {
      let some = Array(rest.prefix(max(1, options.maxSamplesPerSend)))
      rest = rest.dropFirst(some.count)
      let body = compressed(encodeMetadata(some))
      let attempt = await client.attempt(body, to: endpoint, number: 0, grace: .zero)
      guard case .response(200..<300, _) = attempt.outcome else {
        return await sender.noteMetadata(sent: 0, failed: some.count + rest.count, bytes: 0)
      }
      await sender.noteMetadata(sent: some.count, failed: 0, bytes: body.count)
    }
  }
}
