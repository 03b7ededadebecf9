// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Logs
internal import Relabel
internal import Runtime
internal import Syntax
internal import Telemetry

/// `loki.source.journal`: reads the systemd journal.
///
/// Alloy's arguments, and `namespace`, with which one of the host's other journals is read (`LogNamespace=` of a unit).
/// Unlike there, `matches` takes `+`, as journalctl does, and `max_age` matters only to the very first start: what was
/// read is known to the destinations, and reading goes on from there, however long ago that was.
final class LokiSourceJournal: Component {
  private let options: JournalOptions
  private let receivers: [LogsInlet]
  private let context: ComponentContext
  private let statistics = JournalStatistics()

  static let kind = ComponentKind("loki.source.journal") { block, context in
    let receivers = block.required("forward_to", .logsReceivers)
    let options = JournalOptions.decode(block, context: context)
    return LokiSourceJournal(options, receivers: receivers, context: context)
  }

  private init(_ options: JournalOptions, receivers: [LogsInlet], context: ComponentContext) {
    self.options = options
    self.receivers = receivers
    self.context = context
  }

  func run() async throws {
    let reader = JournalReader(options, origin: context.id, statistics: statistics, log: context.log) { [context] in
      if let problem = $0 { context.reportUnhealthy(problem) } else { context.reportHealthy() }
    }
    try await reader.run(sendingTo: LogsFanout(receivers))
  }

  func check(timeout: Duration) async -> [Finding] {
    let limit = monotonicNanoseconds() + Int64(timeout / .nanoseconds(1))
    do {
      let probe = try await BlockingThread(name: "journal").run { [options] in
        try JournalProbe(options, until: limit)
      }
      return [finding(probe), partialFinding(probe)].compactMap { $0 }
    } catch {
      return [Finding(.failed, context.id, "\(error)")]
    }
  }

  private func finding(_ probe: JournalProbe) -> Finding {
    let (place, user) = ("\(options.place)", currentUserName())
    if let problem = probe.access.problem {
      let verdict: Finding.Verdict = probe.access.refused == nil ? .warning : .failed
      return Finding(verdict, context.id, "\(place): \(problem)", remedy: probe.access.remedy)
    }
    let count = (probe.isComplete ? "" : "more than ") + "\(probe.entries)"
    return Finding(.ok, context.id, "user \(user) can read \(place); a first start would read \(count) entries")
  }

  private func partialFinding(_ probe: JournalProbe) -> Finding? {
    probe.access.partialProblem.map { Finding(.warning, context.id, $0, remedy: probe.access.remedy) }
  }

  func vitals() async -> Vitals { Vitals(busySince: statistics.snapshot.busySince) }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    JournalMetrics(statistics.snapshot).write(to: &batch)
    return batch
  }
}

extension JournalOptions {
  /// What a `loki.source.journal` block says.
  fileprivate static func decode(_ block: BlockDecoder, context: ComponentContext) -> JournalOptions {
    var options = JournalOptions(place: decodePlace(block))
    if options.place.isOfThisHost { options.bootID = currentBootID() }
    options.formatAsJSON = block.optional("format_as_json", .bool, default: false)
    options.maxAgeNanoseconds = decodeMaxAge(block)
    options.matches = decodeMatches(block)
    options.labels = decodeLabels(block, job: context.id)
    if let rules = block.optional("relabel_rules", .capsule(kind: relabelRulesKind)) as? RelabelRules {
      options.rules = rules.rules
    }
    options.takenOverCursor = decodeCursor(block, context: context)
    return options
  }

  private static func decodePlace(_ block: BlockDecoder) -> JournalPlace {
    let path = block.optional("path", .string, default: "")
    let namespace = block.optional("namespace", .string, default: "")
    if !path.isEmpty, !namespace.isEmpty {
      block.error("path and namespace exclude each other", at: "namespace", hint: "use one of the two")
    }
    if namespace.contains(where: { $0 == "/" || $0 == "*" || $0 == "+" || $0.isWhitespace }) {
      block.error(
        "\"\(namespace)\" is not the name of a journal namespace", at: "namespace",
        hint: "it is what LogNamespace= of the units says; use one component for each")
    }
    if !path.isEmpty { return .directory(path) }
    return namespace.isEmpty ? .local : .namespace(namespace)
  }

  private static func decodeMaxAge(_ block: BlockDecoder) -> Int64 {
    let age = block.optional("max_age", .duration, default: .seconds(7 * 3600))
    if age < .zero { block.error("max_age must not be negative", at: "max_age", hint: "0 reads the whole journal") }
    return Int64(max(0, min(age / .nanoseconds(1), 9e18)))
  }

  private static func decodeMatches(_ block: BlockDecoder) -> JournalMatches {
    do throws(JournalMatches.Mistake) {
      return try JournalMatches(parsing: block.optional("matches", .string, default: ""))
    } catch {
      block.error(
        "\(error)", at: "matches",
        hint:
          "write FIELD=VALUE pieces with spaces between them, and + for \"or\": _SYSTEMD_UNIT=a.service + PRIORITY=3")
      return .all
    }
  }

  private static func decodeLabels(_ block: BlockDecoder, job: String) -> LabelSet {
    var labels = block.optional("labels", .map(of: .string), default: [:])
    for name in labels.keys.sorted() where !isLabelName(name) {
      block.error(
        "\"\(name)\" is not a label name", at: "labels", hint: "label names have letters, digits and _ only")
    }
    if labels["job"] == nil { labels["job"] = job }
    return LabelSet(labels)
  }

  /// Where another agent left a cursor: its file of positions in this component's place, or the one that is named.
  private static func decodeCursor(
    _ block: BlockDecoder, context: ComponentContext
  ) -> @Sendable () -> String? {
    var places = [(file: "\(context.stateDirectory)/positions.yml", key: "cursor-\(context.id)")]
    if let legacy = block.block("legacy_position") {
      let file = legacy.required("file", .string)
      let name = legacy.required("name", .string)
      if legacy.has("file"), file.isEmpty { legacy.error("file must not be empty", at: "file") }
      places.append((file, "journal-\(name)"))
    }
    return { [places, log = context.log] in
      for place in places {
        guard let cursor = JournalLegacyCursor.read(place.file, key: place.key) else { continue }
        log.info("Reading goes on where another agent stopped", ("file", place.file), ("key", place.key))
        return cursor
      }
      return nil
    }
  }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`.
private func isLabelName(_ name: String) -> Bool {
  guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
  return name.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

/// The boot this host is in; nil where the kernel does not say.
private func currentBootID() -> String? {
  guard let bytes = try? readFile("/proc/sys/kernel/random/boot_id", limit: 64) else { return nil }
  return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}
