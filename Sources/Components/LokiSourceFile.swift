// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Logs
internal import Runtime
internal import Synchronization
internal import Syntax
internal import Telemetry

/// `loki.source.file`: the lines of files, each sent once.
final class LokiSourceFile: Component {
  private let arguments: Mutex<FileArguments>
  private let source = Mutex<FileSource?>(nil)
  private let context: ComponentContext

  static let kind = ComponentKind("loki.source.file") { block, context in
    LokiSourceFile(FileArguments(block), context: context)
  }

  private init(_ arguments: FileArguments, context: ComponentContext) {
    self.arguments = Mutex(arguments)
    self.context = context
  }

  func run() async throws {
    let arguments = arguments.withLock { $0 }
    let source = try FileSource(origin: context.id, settings: settings(arguments), log: context.log)
    self.source.withLock { $0 = source }
    defer { self.source.withLock { $0 = nil } }
    context.reportHealthy()
    try await source.run(to: LogsFanout(arguments.forwardTo)) { [context] problem in
      if let problem { context.reportUnhealthy(problem) } else { context.reportHealthy() }
    }
  }

  /// Files that are still followed are read on, and are not new because their labels are.
  func update(_ block: EvaluatedBlock) async -> Bool {
    let decoder = BlockDecoder(block)
    let new = FileArguments(decoder)
    guard decoder.finish().allSatisfy({ $0.severity != .error }) else { return false }
    let isTaken = arguments.withLock { old in
      guard new.forwardTo.elementsEqual(old.forwardTo, by: ===), new.isLike(old) else { return false }
      old = new
      return true
    }
    if isTaken { source.withLock { $0 }?.update(settings(new)) }
    return isTaken
  }

  func vitals() async -> Vitals { Vitals(busySince: source.withLock { $0 }?.busySince) }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    source.withLock { $0 }?.statistics.write(to: &batch, now: monotonicNanoseconds())
    return batch
  }

  private func settings(_ arguments: FileArguments) -> FileSourceSettings {
    var settings = arguments.settings
    settings.takenOver = PositionsFile.takeOver(
      own: "\(context.stateDirectory)/positions.yml", legacy: arguments.legacyPositions,
      onDamage: arguments.onDamage, log: context.log)
    return settings
  }
}

/// What a `loki.source.file` block says.
private struct FileArguments: Sendable {
  var settings: FileSourceSettings
  var forwardTo: [LogsInlet]
  var legacyPositions: String
  var onDamage: FileSourceSettings.Beginning?

  init(_ block: BlockDecoder) {
    settings = FileSourceSettings(targets: block.required("targets", .targets))
    forwardTo = block.required("forward_to", .logsReceivers)
    legacyPositions = block.optional("legacy_positions_file", .string, default: "")
    let encoding = block.optional("encoding", .string, default: "")
    if let known = TextEncoding(name: encoding) {
      settings.encoding = known
    } else {
      block.error(
        "unknown encoding \"\(encoding)\"", at: "encoding",
        hint: "known are \(TextEncoding.names.joined(separator: ", "))")
    }
    if block.optional("tail_from_end", .bool, default: false) { settings.beginning = .end }
    let policy = block.optional(
      "on_positions_file_error", .oneOf(["restart_from_beginning", "restart_from_end", "skip"]),
      default: "restart_from_beginning")
    onDamage = policy == "skip" ? nil : policy == "restart_from_end" ? .end : .start
    decodeDecompression(block)
    decodeWatch(block)
    decodeMatching(block)
    if settings.gzipDelay != nil {
      if settings.beginning == .end {
        block.error(
          "tail_from_end cannot be used with decompression: an archive has no end to wait at", at: "tail_from_end")
      }
      if policy == "restart_from_end" {
        block.error(
          "restart_from_end cannot be used with decompression: an archive has no end to wait at",
          at: "on_positions_file_error")
      }
    }
  }

  /// Whether nothing differs but the targets, which can be changed while it runs.
  func isLike(_ other: FileArguments) -> Bool {
    var (own, others) = (settings, other.settings)
    own.targets = []
    others.targets = []
    return own == others && legacyPositions == other.legacyPositions && onDamage == other.onDamage
  }

  private mutating func decodeDecompression(_ block: BlockDecoder) {
    guard let inner = block.block("decompression") else { return }
    let isEnabled = inner.required("enabled", .bool)
    let format = inner.required("format", .oneOf(["gz", "z", "bz2"]))
    let delay = inner.optional("initial_delay", .duration, default: .zero)
    if delay < .zero { inner.error("initial_delay must not be negative", at: "initial_delay") }
    if format == "z" || format == "bz2" {
      let message = "this agent decompresses gz, not \(format)"
      if isEnabled {
        inner.error(message, at: "format", hint: "have the archives made with gzip")
      } else {
        inner.warning(message, at: "format", hint: "leave the block out: it is not enabled")
      }
    }
    if isEnabled { settings.gzipDelay = max(.zero, delay) }
  }

  private mutating func decodeWatch(_ block: BlockDecoder) {
    guard let inner = block.block("file_watch") else { return }
    let shortest = inner.optional("min_poll_frequency", .duration, default: .milliseconds(250))
    let longest = inner.optional("max_poll_frequency", .duration, default: .milliseconds(250))
    guard shortest > .zero else {
      return inner.error("min_poll_frequency must be greater than 0", at: "min_poll_frequency")
    }
    guard shortest <= longest else {
      return inner.error(
        "min_poll_frequency must not be greater than max_poll_frequency",
        at: inner.has("min_poll_frequency") ? "min_poll_frequency" : "max_poll_frequency")
    }
    settings.pollInterval = shortest...longest
  }

  private mutating func decodeMatching(_ block: BlockDecoder) {
    guard let inner = block.block("file_match") else { return warnOfPatterns(block) }
    let isEnabled = inner.optional("enabled", .bool, default: false)
    let period = inner.optional("sync_period", .duration, default: .seconds(10))
    let age = inner.optional("ignore_older_than", .duration, default: .zero)
    if period <= .zero { inner.error("sync_period must be greater than 0", at: "sync_period") }
    if age < .zero { inner.error("ignore_older_than must not be negative", at: "ignore_older_than") }
    guard isEnabled else { return warnOfPatterns(block) }
    settings.matching = .init(syncPeriod: max(.milliseconds(1), period), ignoreOlderThan: age)
    checkPatterns(settings.targets, of: block, attribute: "targets")
  }

  private func warnOfPatterns(_ block: BlockDecoder) {
    for (index, target) in settings.targets.enumerated() {
      guard let path = target["__path__"], Glob.isPattern(path) else { continue }
      block.warning(
        "\(jsonString(path)) is read as the name of a file, not as a pattern", at: "targets",
        path: [.index(index), .key("__path__")],
        hint: "expand it with local.file_match, or add file_match { enabled = true }")
    }
  }
}

/// Reports patterns that are none.
func checkPatterns(_ targets: [[String: String]], of block: BlockDecoder, attribute: String) {
  for (index, target) in targets.enumerated() {
    for key in ["__path__", "__path_exclude__"] {
      guard let text = target[key] else { continue }
      do throws(GlobError) { _ = try Glob(text) } catch {
        block.error("\(jsonString(text)) is not a pattern: \(error)", at: attribute, path: [.index(index), .key(key)])
      }
    }
  }
}
